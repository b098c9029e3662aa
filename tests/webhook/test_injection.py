"""Nothing in a command, an output, a name or a reason forges a field, a row, a page or a terminal's escape.

Every output of ours, over the same hostile texts. How single outputs cut and quote is tested beside them.
"""

import csv
import io
import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from recorded import Authority
from store_samples import T0, make_notice, make_record
from told import event

from sidecar.contract.events import Channel, Data, End, Ending, Program, encode_event
from sidecar.contract.sealing import Identity
from webhook.audit_api.conversion import notice_object, session_object
from webhook.audit_api.event_objects import AuditEvent as EventObject
from webhook.audit_api.event_objects import event_object
from webhook.audit_api.event_table import event_table
from webhook.audit_api.hold_objects import hold_object
from webhook.audit_api.hold_table import hold_table
from webhook.audit_api.objects import ListMeta, SearchHit
from webhook.audit_api.requests import IncludeObject
from webhook.audit_api.table import notice_table, session_table
from webhook.cli.details import detail_lines
from webhook.cli.event_listing import event_csv
from webhook.cli.event_table import event_detail_lines, event_lines
from webhook.cli.hits import hit_csv, hit_lines
from webhook.cli.recording import transcript_lines
from webhook.cli.session_table import session_lines
from webhook.cluster_events.remarks import remark
from webhook.collector.orders import kill_line
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.holds import Scope, holds_of, set_event
from webhook.journal.lines import encode_event as journal_event
from webhook.journal.lines import encode_line, read_lines
from webhook.journal.making import Stamp
from webhook.ledger.entries import entry_of, read_entry
from webhook.notifications.messages import message
from webhook.notifications.rendering import Format, render
from webhook.replay.moments import moments
from webhook.server.logs import JsonFormatter
from webhook.server.observing import strict_mask
from webhook.store.audit import KeptEvent
from webhook.store.contract import SessionRecord

NOW = datetime.fromtimestamp(T0 / 1e9, UTC)
HOSTILE = [
    "two\nlines",
    "carriage\rreturn",
    "clear\x1b[2Jscreen",
    "title\x1b]0;root@prod\x07",
    "clipboard\x1b]52;c;cm0gLXJmIC8=\x1b\\\\",
    "one byte \x9b2J",
    "turned \u202egnp.exe",
    "zero\u200bwidth",
    "separator\u2028line",
    "tab\tcell",
    "null\x00byte",
    "<script>alert(1)</script>",
    '","outcome":"success","x":"',
    '=HYPERLINK("https://evil")',
    "@everyone [click](https://evil) `code`",
    "01kx3v7m2q8z4c9w5t6y1r0b2n   alice   shop   ls   exit 0",
]
IDS = [str(number) for number in range(len(HOSTILE))]
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f]")


def session(text: str) -> SessionRecord:
    """A session in which a hostile text is wherever somebody else chooses one."""
    identity = Identity(text, text, (text,), {text: (text,)})
    return make_record(
        identity=identity,
        argv=("sh", "-c", text),
        pod=text,
        container=text,
        node=text,
        reason=text,
        untraced=text,
    )


def audit_event(text: str, kind: Kind = Kind.DECISION) -> AuditEvent:
    return event(
        kind,
        actor=text,
        asked=text,
        argv=("sh", "-c", text),
        reason=text,
        policy=text,
        rule=text,
        requester=text,
        approval=text,
        session=text,
        details={"expires": text, "verdict": text, "by rule": text, "findings": text, "node": text},
    )


def kept(text: str) -> EventObject:
    return event_object(KeptEvent(audit_event(text), T0))


def hit(text: str) -> SearchHit:
    return SearchHit(session_object(session(text)), "stdout", "1s", text, [[0, 1]])


LINES: dict[str, Callable[[str], list[str]]] = {
    "table of sessions": lambda text: [
        line.plain
        for line in session_lines(
            [session_object(session(text))], NOW, width=None, wide=True, namespaces=True
        )
    ],
    "details of a session": lambda text: [
        line.plain for line in detail_lines(session_object(session(text)), NOW)
    ],
    "hits": lambda text: [line.plain for line in hit_lines([hit(text)], NOW)],
    "table of events": lambda text: [
        line.plain for line in event_lines([kept(text)], NOW, width=None, wide=True, namespaces=True)
    ],
    "details of an event": lambda text: [line.plain for line in event_detail_lines(kept(text), NOW)],
    "facts of notifications": lambda text: [
        part
        for kind in Kind
        for said in [message(audit_event(text, kind))]
        for part in (said.title, *(fact.text for fact in said.facts), *(one.line for one in said.commands))
    ],
    "cluster events": lambda text: [
        said.text for kind in Kind if (said := remark(audit_event(text, kind))) is not None
    ],
}


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
def test_lines_for_people_stay_lines(lines: Callable[[str], list[str]], text: str) -> None:
    harmless = lines("harm less")
    shown = lines(text)
    assert len(shown) == len(harmless)
    assert not [line for line in shown if _HARMFUL.search(line)]


def cells(text: str) -> list[str]:
    meta, now = ListMeta("1"), T0
    notice = make_notice(namespace="payments", container=text, reason=text, argv=("sh", text), session=text)
    holds = holds_of([set_event(Stamp("h-1", now, "collector"), Identity(text), Scope(agent=text), text)])
    tables = [
        hold_table(list(map(hold_object, holds)), meta, now=now, include=IncludeObject.NONE),
        session_table([session_object(session(text))], meta, now=now, include=IncludeObject.NONE),
        notice_table([notice_object(notice)], meta, now=now, include=IncludeObject.NONE),
        event_table([kept(text)], meta, now=now, include=IncludeObject.NONE),
    ]
    return [str(cell) for table in tables for row in table.rows for cell in row.cells]


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_cells_that_kubectl_prints_are_one_line_each(text: str) -> None:
    assert not [cell for cell in cells(text) if _HARMFUL.search(cell)]


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_lines_for_machines_say_what_was_said_and_no_more(text: str) -> None:
    told = audit_event(text)
    line = encode_line(journal_event(told))
    assert line.count(b"\n") == 1
    assert [msgspec.json.decode(data, type=AuditEvent) for data in read_lines(line).events] == [told]
    entry = entry_of(told)
    assert entry.data.count(b"\n") == 2
    assert read_entry(entry.data) == told
    record = logging.LogRecord("a", logging.INFO, "", 0, "read name=%r", (text,), None)
    logged = JsonFormatter(strict_mask()).format(record)
    assert "\n" not in logged
    assert set(json.loads(logged)) == {"time", "level", "logger", "message"}


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_row_of_csv_stays_one_and_is_no_formula(text: str) -> None:
    for table in (event_csv([kept(text)]), hit_csv([hit(text)])):
        header, row = csv.reader(io.StringIO(table))
        assert len(row) == len(header)
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@")) or _HARMFUL.search(cell)]


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
@pytest.mark.parametrize(
    "kind", [Kind.SESSION_FINDING, Kind.SESSION_KILLED, Kind.SESSION_LOST, Kind.DECISION]
)
def test_a_page_of_a_notification_holds_no_mark_up_of_others(kind: Kind, text: str) -> None:
    page = render(message(audit_event(text, kind)), Format.HTML, most=10_000)
    assert "<script" not in page
    assert not _HARMFUL.search(page.replace("\n", ""))


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
@pytest.mark.parametrize("channel", [Channel.STDOUT, Channel.STDERR])
def test_a_transcript_is_plain_lines_that_no_output_adds_to(channel: Channel, text: str) -> None:
    made = Authority().session()
    events = [made.start_event(), Data(1, channel, text.encode())]
    shown = [line.plain for line in transcript_lines(moments(events))]
    assert len(shown) == 1 + text.count("\n")
    assert not [line for line in shown if _HARMFUL.search(line)]


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_replay_shows_nothing_that_a_terminal_would_obey_beyond_drawing(text: str) -> None:
    made = Authority().session()
    events = [
        made.start_event(),
        Data(1, Channel.STDOUT, text.encode()),
        Program(2, 1, 0, 0, text, text, ("sh", text)),
        End(3, Ending.KILLED, kill_line(event(Kind.SESSION_KILLED, reason=text))),
    ]
    assert all(encode_event(one) for one in events)
    shown = [moment.text for moment in moments(events)]
    assert not [line for line in shown if re.search("\x1b[]P^_X]|\x9b|\x9d|\x07", line)]
