"""What ``chaperone evidence export`` does."""

import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from sidecar.contract.errors import CallerError
from webhook.audit_api.objects import rfc3339, unix_nanoseconds
from webhook.cli.cluster import Cluster
from webhook.cli.evidence_source import ApiSource
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.output import check_new, note
from webhook.cli.times import time_option
from webhook.evidence.bundle import Bundle, Progress, Written
from webhook.evidence.checking import check_bundle
from webhook.evidence.selection import Selection, check
from webhook.evidence.window import Window, find_window
from webhook.ledger.verifying import BrokenError
from webhook.replay.safety import printable

_SETTLED_NS: Final = 180 * 1_000_000_000
"""How long after a range sessions that ended in it are certainly sealed."""
_TRIES: Final = 8
_IDLE: Final = 3
"""Looks after which the same checkpoint means that there is nothing new to sign."""
_PAUSE: Final = 1.0
_REFRESH: Final = 0.1


class Shown:
    """Shows how far an export is: in place on a terminal, otherwise a line for each step."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._step = ""
        self._shown_at = 0.0

    def __call__(self, progress: Progress) -> None:
        """Show it, but not too often."""
        is_new, now = progress.step != self._step, time.monotonic()
        self._step = progress.step
        if not self._is_terminal:
            if is_new:
                note(f"{progress.step} …")
        elif is_new or now - self._shown_at >= _REFRESH:
            self._shown_at = now
            count = f" {progress.done} of {progress.whole}" if progress.whole else ""
            sys.stderr.write(f"\r\x1b[K{progress.step}{count} …")
            sys.stderr.flush()

    def end(self) -> None:
        """Leave the line clean."""
        if self._is_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted, as the options say."""

    user: str
    namespace: str
    session: str
    since: str
    until: str | None
    size: int | None


def run(wanted: Wanted, path: Path, kubeconfig: Path | None, context: str | None) -> None:
    """Export, check what was written, and say what it is. Raises CliError."""
    now = datetime.now(UTC)
    selection = _selection(wanted, now)
    check(selection)
    check_new(path)
    source = ApiSource(Cluster(kubeconfig, context))
    source.announce(selection.words)
    window = window_of(source, selection, wanted.size)
    progress = Shown()
    try:
        written = _write(Bundle(source, selection, window, spool=_spool, progress=progress), path)
    finally:
        progress.end()
    _say(written, selection, window, path)


def _selection(wanted: Wanted, now: datetime) -> Selection:
    if not wanted.since:
        raise CliError("--since is empty: say where the range begins, as 30d or 2026-03-01", ExitCode.USAGE)
    since = time_option("--since", wanted.since, now)
    until = time_option("--until", wanted.until, now) or rfc3339(int(now.timestamp() * 1e9))
    return Selection(
        user=wanted.user,
        namespace=wanted.namespace,
        session=wanted.session,
        since=unix_nanoseconds(since),
        until=unix_nanoseconds(until),
    )


def window_of(source: ApiSource, selection: Selection, size: int | None = None) -> Window:
    """Find the window; where checkpoints do not reach the range's end yet, have one or two signed.

    Raises CliError for a range of which nothing can have happened yet, and CallerError.
    """
    now, sizes = time.time_ns(), list[int]()
    if selection.since > now:
        raise CliError("the range begins in the future: nothing is in it yet", ExitCode.USAGE)
    if size is not None:
        return find_window(source, selection, size=size)
    for _ in range(_TRIES):
        found = _found(source, selection)
        sizes.append(found.size if found else 0)
        if (found is not None and found.complete) or _is_idle(sizes):
            break
        source.sign()
        if found is not None and selection.until > now - _SETTLED_NS:
            break
        time.sleep(_PAUSE)
    return find_window(source, selection)


def _is_idle(sizes: Sequence[int]) -> bool:
    return len(sizes) >= _IDLE and len(set(sizes[-_IDLE:])) == 1


def _found(source: ApiSource, selection: Selection) -> Window | None:
    """Give the window, None while no checkpoint was signed."""
    try:
        return find_window(source, selection)
    except CallerError:
        return None


def _write(bundle: Bundle, path: Path) -> Written:
    """Write a file that is there only when it is whole and verifies."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with unfinished.open("xb") as file:
            written = bundle.write(file)
        unfinished.replace(path)
    except FileExistsError:
        raise CliError(f"{unfinished} is there: another export may be writing it; remove it if not") from None
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise CliError(f"{path} cannot be written: {error.strerror}") from None
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    return written


def _spool() -> BinaryIO:
    return cast("BinaryIO", tempfile.TemporaryFile())


def _say(written: Written, selection: Selection, window: Window, path: Path) -> None:
    for problem in written.problems:
        note(f"Left out: {printable(problem)}")
    try:
        with path.open("rb") as file:
            checked = check_bundle(file, ())
    except BrokenError as error:
        raise CliError(
            f"{path} is written, and does not hold: {printable(str(error))}\n"
            "Where recordings were removed because of their age, prove it by a checkpoint from after that:"
            " --size N, as in the second line of chaperone ledger checkpoint"
        ) from None
    if written.removed:
        note(f"{written.removed} recordings were removed because of their age, as the ledger says.")
    note(f"{path}: {printable(selection.words)}")
    note(
        f"sessions: {checked.sessions}; entries of the ledger: {checked.entries},"
        f" proven by the checkpoint of {window.size}"
    )
    if checked.unsealed:
        note(f"let start and not sealed yet, so listed and not replayed: {checked.unsealed}")
    if not written.complete:
        note(
            "The range ends too late for this checkpoint: sessions that ended near its end may not be sealed."
            f" Export again in {_SETTLED_NS // 1_000_000_000} s for all of them."
        )
