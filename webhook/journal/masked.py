"""Audit events without card data: every text in them that somebody outside Chaperone chose, masked. Pure.

The journal keeps only what is masked (:class:`MaskedJournal`): whoever makes an event cannot forget a field.
What leaves for a service outside the cluster, or for an object that half the cluster may read, is masked once
more: a mistake made before would cost most there.
"""

import re
from collections.abc import Callable
from threading import Lock
from typing import Final

from msgspec.structs import replace

from sidecar.contract.sealing import Identity
from sidecar.masking import Finding
from webhook.journal.events import AuditEvent, Where
from webhook.journal.journal import Journal

Mask = Callable[[bytes], tuple[bytes, list[Finding]]]
"""Masks whole inputs, byte for byte; of one thread at a time."""
_FEWEST_DIGITS: Final = 3
"""The shortest text that is masked has as many: a security code after its name."""
_DIGITS: Final = b"0123456789"
_UUID: Final = re.compile(r"(JTI=)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What most identities and reviews hold, and the engine never masks."""
_FEW: Final = 32
"""So many texts are masked one by one; more are masked in one go, so that thousands cost no more than one."""


class MaskedJournal:
    """A journal that is given audit events masked. Used from any thread, and so is ``mask``, in turn."""

    def __init__(self, journal: Journal, mask: Mask) -> None:
        self._journal = journal
        self._mask = mask
        self._turn = Lock()

    def note(self, event: AuditEvent) -> None:
        """Take one. Raises JournalFullError."""
        self._journal.note(self.shown(event))

    def shown(self, event: AuditEvent) -> AuditEvent:
        """Give an event as it is kept, for one that has to be stored before this journal would be shipped."""
        with self._turn:
            return masked(event, self._mask)[0]


def masked(event: AuditEvent, mask: Mask) -> tuple[AuditEvent, int]:
    """Give the event masked, and how much was found."""
    masking = _Masking(mask)
    text, where = masking.text, event.where
    shown = replace(
        event,
        actor=masking.identity(event.actor),
        where=Where(
            namespace=text(where.namespace),
            resource=text(where.resource),
            name=text(where.name),
            uid=text(where.uid),
            container=text(where.container),
        ),
        asked=text(event.asked),
        argv=masking.command_line(event.argv),
        policy=text(event.policy),
        rule=text(event.rule),
        would=text(event.would),
        reason=text(event.reason),
        approval=text(event.approval),
        requester=text(event.requester),
        request=text(event.request),
        details={text(key): text(value) for key, value in event.details.items()},
    )
    return shown, masking.found


def masked_identity(identity: Identity, mask: Mask) -> Identity:
    """Give who somebody is, masked; where there is no card data, it is the same."""
    return _Masking(mask).identity(identity)


def masked_text(text: str, mask: Mask) -> str:
    """Give a text masked."""
    return _Masking(mask).text(text)


class _Masking:
    """Masks texts one by one, and counts what it finds. A text ends where the next begins: none is joined."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self.found = 0

    def text(self, text: str) -> str:
        data = text.encode("utf-8", "replace")
        if len(data) == len(text) and len(data) - len(data.translate(None, _DIGITS)) < _FEWEST_DIGITS:
            return text
        if _UUID.fullmatch(text):
            return text
        shown, findings = self._mask(data)
        self.found += len(findings)
        return shown.decode("utf-8", "replace")

    def identity(self, identity: Identity) -> Identity:
        text, texts = self.text, self.texts
        return Identity(
            username=text(identity.username),
            uid=text(identity.uid),
            groups=texts(identity.groups),
            extra=dict(zip(texts(tuple(identity.extra)), map(texts, identity.extra.values()), strict=True)),
        )

    def texts(self, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Mask some that have nothing to do with one another."""
        if len(texts) <= _FEW:
            return tuple(map(self.text, texts))
        return self._cut(self.text("\n".join(texts)), texts)

    def command_line(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        """Mask it as one line, so that a number cut by a space is seen."""
        return self._cut(self.text(" ".join(argv)), argv)

    @staticmethod
    def _cut(masked: str, texts: tuple[str, ...]) -> tuple[str, ...]:
        """Cut a text where those it was joined of ended: masking keeps the number of bytes."""
        data, found, start = masked.encode("utf-8", "replace"), list[str](), 0
        for text in texts:
            end = start + len(text.encode("utf-8", "replace"))
            found.append(data[start:end].decode("utf-8", "replace"))
            start = end + 1
        return tuple(found)
