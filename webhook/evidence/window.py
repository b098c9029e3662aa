"""The part of the ledger that proves a bundle: from before the range until a checkpoint after it.

It begins where the last census before a checkpoint ends that was signed before the range, so that all that is
older is known to be older, and ends at the checkpoint that covers the first by which every session that ended
within the range was sealed. Both are the same whenever they are looked for.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter
from typing import Final

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError
from webhook.evidence.nodes import KnownNodes
from webhook.evidence.selection import Selection
from webhook.evidence.source import Ledger
from webhook.journal.events import AuditEvent
from webhook.ledger.checkpoints import read_checkpoint
from webhook.ledger.entries import (
    Census,
    EntryError,
    Exported,
    SignedManifest,
    SigningKey,
    Value,
    read_entry,
)
from webhook.ledger.manifest import Manifest
from webhook.ledger.notes import key_id, read_note
from webhook.ledger.tree import Frontier, frontier_nodes, leaf_hash
from webhook.ledger.verifying import KeptEntry

MARGIN_NS: Final = 600 * 1_000_000_000
"""How far clocks may be apart without an entry of the range lying before the window."""
_PAGE: Final = 500
_CENSUS_WITHIN: Final = 256


class Placed(msgspec.Struct, frozen=True):
    """A checkpoint in the ledger, and the number of its entry."""

    index: int
    exported: Exported


class Window(msgspec.Struct, frozen=True):
    """From which entry to which, and by which checkpoints."""

    start: int
    first: Placed | None
    """The checkpoint from before the range; None where the window begins with the ledger."""
    last: Placed
    complete: bool
    """Whether it is known to hold all sessions that ended within the range."""

    @property
    def size(self) -> int:
        """Entries that the last checkpoint is signed for: the window's end."""
        return self.last.exported.size


class Disclosed(msgspec.Struct, frozen=True):
    """An entry that a bundle holds."""

    index: int
    key: str
    data: bytes
    value: Value | None
    """None when its kind is not known here."""


class Arrivals:
    """Tells which entries came so late that no bundle of the time before a range could have them.

    Such a bundle is proven soon after a checkpoint is signed by which all of that time is sealed. What came
    later, as a journal waited while the collector was away, is shown with what happened in the range.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._proven = False

    def shows(self, value: Value | None) -> bool:
        """Tell of the next entry, in order, whether it is part of what is wanted, in time or late."""
        if isinstance(value, Exported) and value.sealed_through >= self._selection.since:
            self._proven = True
        return self._selection.shows(value) or (self._proven and self._selection.shows_late(value))


class _Removal(msgspec.Struct, frozen=True):
    sessions: tuple[str, ...] = ()


class Walked(msgspec.Struct, frozen=True):
    """A walk through a window."""

    frontier: tuple[bytes, ...]
    """Hashes of the complete subtrees before the window, widest first."""
    leaves: bytes
    """Hashes of all leaves in the window, one after another."""
    disclosed: list[Disclosed]
    nodes: KnownNodes


def find_window(ledger: Ledger, selection: Selection, *, size: int | None = None) -> Window:
    """Give the window of a selection, up to the checkpoint of ``size`` entries where that is told.

    Raises CallerError when there is no such checkpoint.
    """
    whole = ledger.size()
    before, _ = _turn(ledger, whole, lambda found: found.at > selection.since - MARGIN_NS)
    start = _start(ledger, before)
    last, complete = (
        _last(ledger, whole, selection) if size is None else (_named(ledger, size, selection), False)
    )
    if last is None or last.exported.size <= start:
        raise CallerError("no checkpoint is signed since; have one signed: chaperone ledger checkpoint --now")
    return Window(start, before if start else None, last, complete)


def is_complete(disclosed: Iterable[Disclosed], selection: Selection) -> bool:
    """Tell by checkpoints that are given whether all sessions that ended in the range were sealed then.

    What one says of a time that a later one had not reached was said by a clock that was set back.
    """
    given = [entry.value for entry in disclosed if isinstance(entry.value, Exported)]
    earliest: int | None = None
    for one in reversed(given):
        if one.sealed_through >= selection.until and (earliest is None or one.sealed_through <= earliest):
            return True
        earliest = one.at if earliest is None else min(one.at, earliest)
    return False


def walk(ledger: Ledger, window: Window, selection: Selection, progress: Callable[[int], None]) -> Walked:
    """Read a window's entries, check that they follow one another, and keep those that are given.

    ``progress`` is told how many were read. Raises CallerError where the ledger does not hold.
    """
    nodes = KnownNodes(ledger)
    frontier = Frontier(window.start, tuple(nodes.fetch(frontier_nodes(window.start))))
    before = frontier.hashes
    leaves, disclosed, shown = bytearray(), list[Disclosed](), set[str]()
    arrivals = Arrivals(selection)
    for kept in entries(ledger, window.start, window.size):
        frontier, completed = frontier.append(leaf_hash(kept.data))
        if completed != kept.nodes:
            raise CallerError(
                f"entry {kept.index} does not follow those before; see: chaperone ledger verify"
            )
        nodes.add(kept)
        leaves += completed[0]
        value = known(kept.data)
        wanted = arrivals.shows(value)
        if isinstance(value, SignedManifest) and wanted:
            shown.add(value.manifest.session)
        if (
            wanted
            or selection.discloses(value)
            or not shown.isdisjoint(removed_sessions(kept.key, kept.data))
        ):
            disclosed.append(Disclosed(kept.index, kept.key, kept.data, value))
        progress(kept.index + 1 - window.start)
    return Walked(before, bytes(leaves), disclosed, nodes)


def manifests(disclosed: Iterable[Disclosed], selection: Selection) -> list[tuple[int, Manifest]]:
    """Give the sessions of a selection with the numbers of their entries, in order.

    A session that was taken for lost and went on has several manifests: the last one is of all of it.
    """
    last = {
        entry.value.manifest.session: (entry.index, entry.value.manifest)
        for entry in disclosed
        if isinstance(entry.value, SignedManifest) and selection.shows(entry.value)
    }
    return sorted(last.values(), key=itemgetter(0))


def audit_events(disclosed: Iterable[Disclosed], selection: Selection) -> list[tuple[int, AuditEvent]]:
    """Give a selection's audit events, those that came late too, with the numbers of their entries."""
    arrivals = Arrivals(selection)
    return [
        (entry.index, entry.value)
        for entry in disclosed
        if arrivals.shows(entry.value) and isinstance(entry.value, AuditEvent)
    ]


def entries(ledger: Ledger, start: int, end: int) -> Iterator[KeptEntry]:
    """Give entries in order. Raises CallerError when one is missing."""
    while start < end:
        page = ledger.page(start, min(_PAGE, end - start))
        for kept in page[: end - start]:
            if kept.index != start:
                break
            yield kept
            start += 1
        else:
            if page:
                continue
        raise CallerError(f"entry {start} of the ledger is missing; see: chaperone ledger verify")


def removed_sessions(key: str, data: bytes) -> frozenset[str]:
    """Give the sessions that an entry says were removed because their time was over."""
    if not key.startswith("removal/"):
        return frozenset()
    try:
        return frozenset(msgspec.json.decode(data.split(b"\n", 2)[1], type=_Removal).sessions)
    except (IndexError, *UNREADABLE):
        return frozenset()


def known(data: bytes) -> Value | None:
    """Give what an entry says, None when its kind or version is not known here."""
    try:
        return read_entry(data)
    except EntryError:
        return None


def _last(ledger: Ledger, whole: int, selection: Selection) -> tuple[Placed | None, bool]:
    """Give the checkpoint that covers the first by which all was sealed, and True.

    While there is none, give the newest, and False. Where censuses must show that nothing is missing, only
    those serve of which every entry is counted.
    """
    before, after = _turn(ledger, whole, lambda found: found.sealed_through >= selection.until)
    for found in _checkpoints(ledger, after.index + 1, whole) if after else ():
        if _serves(ledger, found, selection):
            return found, True
    near = list(_checkpoints(ledger, max(0, whole - _PAGE), whole))
    serving = (found for found in reversed(near) if _serves(ledger, found, selection))
    return next(serving, after or before), False


def _named(ledger: Ledger, size: int, selection: Selection) -> Placed:
    kept = ledger.entry(f"checkpoint/{size}")
    exported = None if kept is None else known(kept.data)
    if kept is None or not isinstance(exported, Exported):
        raise CallerError(f"no checkpoint of {size} entries was signed")
    placed = Placed(kept.index, exported)
    if not _serves(ledger, placed, selection):
        raise CallerError(
            f"not all of the {size} entries of that checkpoint are counted, so it cannot show that nothing is"
            " missing: take a later one, or leave --size out"
        )
    return placed


def _serves(ledger: Ledger, placed: Placed, selection: Selection) -> bool:
    """Tell whether all that a checkpoint covers is counted, but for censuses at its end, or need not be."""
    size = placed.exported.size
    if not selection.subject:
        return True
    through, counted = 0, size
    for kept in entries(ledger, max(0, size - _CENSUS_WITHIN), size):
        value = known(kept.data) if kept.key.startswith("census/") else None
        if not isinstance(value, Census):
            counted = size
            continue
        through, counted = value.end, min(counted, kept.index)
    return through >= counted


def _turn(
    ledger: Ledger, end: int, is_after: Callable[[Exported], bool], *, once: bool = False
) -> tuple[Placed | None, Placed | None]:
    """Give the last checkpoint that is not after something, and the next one.

    There may be some after it before, where a clock went ahead and was set back: these do not count. With
    ``once`` the first one after it does, whatever follows.
    """
    low, high = 0, end
    before: Placed | None = None
    after: Placed | None = None
    turned: Placed | None = None
    while high - low > _PAGE:
        middle = (low + high) // 2
        found = next(_checkpoints(ledger, middle, high), None)
        if found is None:
            high = middle
        elif is_after(found.exported):
            after, high = found, middle
        else:
            before, low = found, found.index + 1
    for found in _checkpoints(ledger, low, high):
        if not is_after(found.exported):
            before, turned = found, None
        elif turned is None:
            turned = found
            if once:
                break
    return before, turned or after


def key_in_force(ledger: Ledger, window: Window) -> KeptEntry | None:
    """Give the entry of the key that signed the first checkpoint; None where it is not found."""
    if window.first is None:
        return None
    wanted = _signer(window.first.exported)
    before, after = _turn(ledger, window.first.index + 1, lambda found: _signer(found) == wanted, once=True)
    start, end = (before.index if before else 0), (after.index if after else window.first.index)
    for kept in entries(ledger, start, end):
        value = known(kept.data) if kept.key.startswith("key/") else None
        if isinstance(value, SigningKey):
            origin = read_checkpoint(read_note(window.first.exported.checkpoint).text).origin
            if key_id(origin, bytes.fromhex(value.public_key)) == wanted:
                return kept
    return None


def _signer(exported: Exported) -> bytes:
    return read_note(exported.checkpoint).signatures[0].key_id


def _checkpoints(ledger: Ledger, start: int, end: int) -> Iterator[Placed]:
    for kept in entries(ledger, start, end):
        value = known(kept.data) if kept.key.startswith("checkpoint/") else None
        if isinstance(value, Exported):
            yield Placed(kept.index, value)


def _start(ledger: Ledger, first: Placed | None) -> int:
    """Give where the last census ends that a checkpoint is signed for; 0 where there is none near."""
    if first is None:
        return 0
    size = first.exported.size
    near = max(0, size - _CENSUS_WITHIN)
    ends = [
        value.end
        for kept in entries(ledger, near, size)
        if kept.key.startswith("census/") and isinstance(value := known(kept.data), Census)
    ]
    return ends[-1] if ends else 0
