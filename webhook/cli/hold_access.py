"""What ``chaperone holds`` does."""

from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec
from msgspec import UnsetType
from rich.text import Text

from sidecar.contract.identifiers import is_session_id
from webhook.audit_api.hold_objects import (
    HOLDS,
    HoldSpec,
    LegalHold,
    LegalHoldList,
    NewHold,
    Release,
    ReleaseSpec,
)
from webhook.audit_api.hold_table import scope_text
from webhook.audit_api.objects import API_VERSION, ObjectMeta
from webhook.cli.answers import decoded
from webhook.cli.cluster import Cluster
from webhook.cli.columns import Column, lay_out
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.options import Format
from webhook.cli.output import console, note, print_json, width_of
from webhook.cli.refusals import Asked, refused
from webhook.cli.times import age, time_option
from webhook.replay.safety import printable

_T = TypeVar("_T")
_COLUMNS: Final = (
    Column("HOLD"),
    Column("KEEPS", weight=3, unbounded=True),
    Column("SET BY", weight=2),
    Column("REASON", weight=3, unbounded=True),
    Column("IN FORCE"),
    Column("AGE", is_number=True),
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What to hold, as the options say."""

    reason: str
    session: str | None
    agent: str | None
    namespace: str | None
    since: str | None
    until: str | None


def show(cluster: Cluster, output: Format) -> None:
    """List holds. Raises CliError."""
    body = _ask(cluster, (), Asked("list", HOLDS, None))
    items = decoded(body, LegalHoldList).items
    if output is Format.JSON:
        print_json(msgspec.Raw(body))
    elif items:
        _print(items)
    else:
        note("There are no legal holds.")


def set_hold(cluster: Cluster, wanted: Wanted, output: Format) -> None:
    """Set a hold. Raises CliError."""
    now = datetime.now(UTC)
    spec = HoldSpec(
        reason=wanted.reason,
        session=wanted.session or "",
        agent=wanted.agent or "",
        namespace=wanted.namespace or "",
        since=time_option("--since", wanted.since, now),
        until=time_option("--until", wanted.until, now),
    )
    if not scope_text(spec):
        message = "say what to keep: --session, --agent, --namespace, --since or --until"
        raise CliError(message, ExitCode.USAGE)
    body = msgspec.json.encode(NewHold(spec, API_VERSION, "LegalHold"))
    _told(_ask(cluster, (), Asked("create", HOLDS, None), body), output, "is set and keeps")


def release(cluster: Cluster, name: str, reason: str, output: Format) -> None:
    """Release a hold. Raises CliError."""
    if not is_session_id(name):
        raise CliError(f'no legal hold "{printable(name)}"\nSee which there are: chaperone holds list')
    asked = Asked("create", f"{HOLDS}/release", None, name)
    body = msgspec.json.encode(Release(ReleaseSpec(reason)))
    _told(_ask(cluster, (name, "release"), asked, body), output, "is released and no longer keeps")


def _told(body: bytes, output: Format, what: str) -> None:
    hold = decoded(body, LegalHold)
    if output is Format.JSON:
        print_json(msgspec.Raw(body))
        return
    name = "" if isinstance(hold.metadata, UnsetType) else hold.metadata.name
    console().print(Text(f"Legal hold {printable(name)} {what} {printable(scope_text(hold.spec))}."))


def _print(holds: list[LegalHold]) -> None:
    screen, now = console(), datetime.now(UTC)
    rows = [_cells(hold, now) for hold in holds]
    for line in lay_out(_COLUMNS, rows, width_of(screen)):
        screen.print(line)


def _cells(hold: LegalHold, now: datetime) -> list[Text]:
    metadata, status = hold.metadata, hold.status
    if isinstance(status, UnsetType) or not isinstance(metadata, ObjectMeta):
        return [Text() for _ in _COLUMNS]
    texts = (metadata.name, scope_text(hold.spec), status.set_by.username, hold.spec.reason)
    in_force = Text("yes" if status.in_force else "no", "" if status.in_force else "dim")
    return [*(Text(printable(text)) for text in texts), in_force, Text(age(metadata.creation_timestamp, now))]


def _ask(cluster: Cluster, rest: tuple[str, ...], asked: Asked, body: bytes | None = None) -> bytes:
    path = ("apis", *API_VERSION.split("/"), HOLDS, *rest)
    with cluster.request(path, {}, body=body) as answer:
        content = answer.read()
    if answer.status == 404 and asked.name:
        name = printable(asked.name)
        raise CliError(
            f'no legal hold "{name}"\nSee which there are: chaperone holds list', ExitCode.NOT_FOUND
        )
    if answer.status not in (200, 201):
        raise refused(answer.status, content, asked)
    return content
