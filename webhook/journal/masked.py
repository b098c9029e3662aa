"""Audit events masked once more before they leave for where others read them.

They come masked. A service outside the cluster, or an object that half the cluster may read, is where a
mistake made before would cost most, so nothing goes there that the engine has not seen.
"""

from collections.abc import Callable

import msgspec

from sidecar.masking import Finding
from webhook.journal.events import AuditEvent

Mask = Callable[[bytes], tuple[bytes, list[Finding]]]
"""Masks whole inputs; of one thread."""


def masked(event: AuditEvent, mask: Mask) -> tuple[AuditEvent, int]:
    """Give the event masked, and how much was found that should have been masked before."""
    found = 0

    def text(value: str) -> str:
        nonlocal found
        data, findings = mask(value.encode("utf-8", "replace"))
        found += len(findings)
        return data.decode("utf-8", "replace")

    shown = msgspec.structs.replace(
        event,
        asked=text(event.asked),
        argv=_cut(text(" ".join(event.argv)), event.argv),
        reason=text(event.reason),
        requester=text(event.requester),
        actor=msgspec.structs.replace(event.actor, username=text(event.actor.username)),
        details={key: text(value) for key, value in event.details.items()},
    )
    return shown, found


def _cut(line: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    """Cut a line, masked as one so that a number cut by a space is seen, where its arguments ended.

    Masking keeps the number of bytes.
    """
    data, found, start = line.encode("utf-8", "replace"), list[str](), 0
    for argument in argv:
        end = start + len(argument.encode("utf-8", "replace"))
        found.append(data[start:end].decode("utf-8", "replace"))
        start = end + 1
    return tuple(found)
