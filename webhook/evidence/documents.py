"""The files of a bundle that say what its entries and sessions come to. Pure.

They follow from what is proven, so a verifier of the same version makes them again and compares.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import msgspec

from sidecar.contract.names import VERSION
from webhook.audit_api.objects import rfc3339
from webhook.evidence.approval_tables import approval_rows
from webhook.evidence.requirements import Shown, requirements
from webhook.evidence.selection import Selection
from webhook.evidence.session_tables import SessionRow, open_rows
from webhook.evidence.tables import event_row, person_rows, policy_rows
from webhook.evidence.texts import pretty, script
from webhook.evidence.window import Disclosed, audit_events, is_complete, manifests
from webhook.journal.events import AuditEvent, Kind
from webhook.ledger.entries import Exported, SigningKey, manifest_session
from webhook.replay.csv_text import csv_text
from webhook.replay.safety import escape_json

_ASSETS: Final = {
    "index.html": "index.html",
    "README.txt": "README.txt",
    "page/evidence.css": "evidence.css",
    "page/escaping.js": "escaping.js",
    "page/tables.js": "tables.js",
    "page/sessions.js": "sessions.js",
    "page/evidence.js": "evidence.js",
    "page/asciinema-player.css": "vendor/asciinema-player.css",
    "page/asciinema-player.min.js": "vendor/asciinema-player.min.js",
    "page/asciinema-player.LICENSE": "vendor/LICENSE",
}


class Proof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``ledger/ledger.json``: what the entries are proven by."""

    format: int = 1
    software: str = VERSION
    selection: Selection
    origin: str
    roots: tuple[str, ...]
    """Public keys of the roots trusted when the ledger began, hexadecimal."""
    start: int
    """The window's first entry."""
    frontier: tuple[str, ...]
    """Roots of the complete subtrees before the window, widest first, hexadecimal."""
    first: int
    """Entries that the checkpoint before the range was signed for; 0 where there is none."""
    size: int
    """Entries that the last checkpoint was signed for: the window's end."""


@dataclass(frozen=True)
class Content:
    """What a bundle's documents are made of."""

    proof: Proof
    disclosed: Sequence[Disclosed]
    """In order."""
    sessions: Sequence[SessionRow]


def documents(content: Content) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Give the documents and the page, by name."""
    shown = _shown(content)
    complete = shown.complete
    summary = {
        "asked": content.proof.selection.words,
        "complete": complete,
        "requirements": requirements(shown),
        "software": content.proof.software,
    }
    tables: dict[str, Sequence[Any]] = {
        "sessions": shown.sessions,
        "audit-events": shown.events,
        "approvals": shown.approvals,
        "policies": shown.policies,
        "access-review": shown.people,
        "unsealed": shown.unsealed,
    }
    yield "record/summary.json", iter([pretty(summary)])
    for name, rows in tables.items():
        yield f"record/{name}.json", _array(rows)
        yield f"record/{name}.csv", iter([_csv(rows).encode()])
    index = {**summary, "ledger": _ledger(content)}
    parts = [b'"summary",' + msgspec.json.encode(index)]
    parts += [
        f'"{name}",'.encode() + msgspec.json.encode(row) for name, rows in tables.items() for row in rows
    ]
    yield "page/index.js", script("evidence.index", "", (b"[" + part + b"]" for part in map(_escaped, parts)))
    for name, asset in _ASSETS.items():
        yield name, iter([files("webhook.evidence").joinpath("page", asset).read_bytes()])


def _csv(rows: Sequence[Any]) -> str:
    """Give rows as comma-separated values; nothing of no rows."""
    if not rows:
        return ""
    plain: list[dict[str, object]] = [msgspec.to_builtins(row) for row in rows]
    return csv_text(list(plain[0]), ([_cell(value) for value in row.values()] for row in plain))


def policy_history(disclosed: Iterable[Disclosed], selection: Selection) -> Iterator[tuple[int, AuditEvent]]:
    """Give the events that tell which policies decided within the range: also those of before."""
    for entry in disclosed:
        if isinstance(entry.value, AuditEvent) and entry.value.at < selection.until:
            yield entry.index, entry.value


def _shown(content: Content) -> Shown:
    selection = content.proof.selection
    shown = audit_events(content.disclosed, selection)
    sessions = [manifest for _, manifest in manifests(content.disclosed, selection)]
    sealed = {manifest_session(entry.key) for entry in content.disclosed}
    return Shown(
        sessions=content.sessions,
        events=[event_row(index, event) for index, event in shown],
        approvals=approval_rows(event for _, event in shown),
        policies=policy_rows(policy_history(content.disclosed, selection)),
        people=person_rows(sessions, (event for _, event in shown)),
        unsealed=open_rows(shown, sealed),
        complete=is_complete(content.disclosed, selection),
    )


def _ledger(content: Content) -> dict[str, object]:
    proof = content.proof
    exported = [entry.value for entry in content.disclosed if isinstance(entry.value, Exported)]
    through = max((one.sealed_through for one in exported), default=0)
    inside = sum(proof.start <= entry.index < proof.size for entry in content.disclosed)
    return {
        "origin": proof.origin,
        "roots": proof.roots,
        "start": proof.start,
        "size": proof.size,
        "disclosed": len(content.disclosed),
        "undisclosed": proof.size - proof.start - inside,
        "sealedThrough": rfc3339(through) if through else "",
        "checkpoints": [
            {"at": rfc3339(one.at), "size": one.size, "sealedThrough": rfc3339(one.sealed_through)}
            for one in exported
        ],
        "keys": [
            entry.value.public_key for entry in content.disclosed if isinstance(entry.value, SigningKey)
        ],
        "failures": sum(
            event.kind is Kind.CONTROL_FAILED for _, event in audit_events(content.disclosed, proof.selection)
        ),
    }


def _array(rows: Sequence[Any]) -> Iterator[bytes]:
    yield b"[\n"
    for number, row in enumerate(rows):
        yield pretty(row).rstrip(b"\n") + (b",\n" if number + 1 < len(rows) else b"\n")
    yield b"]\n"


def _escaped(part: bytes) -> bytes:
    return escape_json(part.decode()).encode()


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Mapping() | list():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)
