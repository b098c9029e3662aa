"""``chaperone events``, run as people and programs run it."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from audit_event_samples import make_event
from audit_front import AGENT, PAYMENTS_ONLY, Front
from cli_runner import Chaperone
from store_samples import T0, make_record

from sidecar.contract.sealing import Decision, Identity
from webhook.audit_api.event_objects import event_object
from webhook.cli.event_table import event_lines
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.store.audit import KeptEvent
from webhook.store.contract import Store

EVIL = '\x1b]0;owned\x07\nFORGED  row,"x"\u202e\x9b2J'
Events = dict[str, AuditEvent]
APPROVED_BY = Identity("bob", groups=("approvers",))


@pytest.fixture(scope="module")
def events(store: Store) -> Events:
    """Some of each: by name."""
    silent: dict[str, Any] = {"argv": (), "session": "", "asked": ""}
    made = {
        "started": make_event(
            1, namespace="", kind=Kind.CONTROL_STARTED, actor=Identity("system:chaperone"), **silent
        ),
        "asked": make_event(2, kind=Kind.APPROVAL_ASKED, approval="exec-1", **silent),
        "decided": make_event(
            3,
            kind=Kind.APPROVAL_DECIDED,
            actor=APPROVED_BY,
            approval="exec-1",
            action="approve",
            reason=f"agreed {EVIL}",
            **silent,
        ),
        "used": make_event(4, kind=Kind.APPROVAL_USED, approval="exec-1", **silent),
        "denied": make_event(5, outcome=Outcome.FAILURE, action="deny", policy="pci-dss", rule="shells"),
        "elsewhere": make_event(6, namespace="billing"),
        "hostile": make_event(7, argv=("=cmd()", EVIL), reason=f"={EVIL}", actor=Identity(f"+{EVIL}")),
    }
    store.record(list(made.values()), received_at=T0 + 1)
    return made


def listed(chaperone: Chaperone, *arguments: str) -> list[str]:
    items = json.loads(chaperone.out("events", "list", "-o", "json", *arguments))["items"]
    return [item["metadata"]["name"] for item in items]


def ids(events: Events, *names: str) -> list[str]:
    return [events[name].id for name in names]


def is_harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


def test_a_list_for_people_cannot_be_forged(chaperone: Chaperone, events: Events) -> None:
    out = chaperone.process("events", "list").out
    header, *rows = out.splitlines()
    assert header.split() == ["AGE", "KIND", "ACTOR", "ACTION", "RULE", "WHAT", "OUTCOME"]
    assert len(rows) == len(events) - 2
    assert is_harmless(out)
    assert rows[1].split()[1:6] == ["decision", "agent", "deny", "pci-dss/shells", "web:"]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_a_list_fits_its_terminal(chaperone: Chaperone, events: Events, columns: str) -> None:
    out = chaperone.out("events", "list", "-A", COLUMNS=columns)
    assert max(map(len, out.splitlines())) <= int(columns)
    assert len(out.splitlines()) == len(events) + 1


def test_a_namespace_is_whole_where_a_terminal_is_narrow() -> None:
    """Chaperone's own, which most of its events are about."""
    kept = make_event(
        namespace="chaperone-system",
        kind=Kind.NOTIFICATION_FAILED,
        actor=Identity("system:serviceaccount:chaperone-system:chaperone-collector"),
        policy="pci-dss",
        rule="beyond-reading",
    )
    [_, line] = event_lines(
        [event_object(KeptEvent(kept, kept.at))],
        datetime.fromtimestamp(T0 // 10**9 + 60, UTC),
        width=80,
        wide=False,
        namespaces=True,
    )
    assert line.plain.startswith("chaperone-system ")
    assert len(line.plain) <= 80


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--kind", "approval-decided"], ["decided"]),
        (["--user", "bob"], ["decided"]),
        (["--agent", "bob"], ["decided"]),
        (["--approval", "exec-1"], ["used", "decided", "asked"]),
        (["--outcome", "failure"], ["denied"]),
        (["-n", "billing"], ["elsewhere"]),
        (["-A", "--kind", "control-started"], ["started"]),
        (["--limit", "2"], ["hostile", "denied"]),
        (
            ["-A", "--since", "2026-09-21T14:13:20.005Z", "--until", "2026-09-21T14:13:20.007Z"],
            ["elsewhere", "denied"],
        ),
    ],
)
def test_options_choose(chaperone: Chaperone, events: Events, arguments: list[str], names: list[str]) -> None:
    assert listed(chaperone, *arguments) == ids(events, *names)


def test_csv_is_one_line_an_event_and_no_formula(chaperone: Chaperone, events: Events) -> None:
    out = chaperone.out("events", "list", "-A", "-o", "csv")
    assert is_harmless(out)
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["id"] for row in rows] == [event.id for event in reversed(events.values())]
    hostile = rows[0]
    assert hostile["command"].startswith("'=cmd() \\x1b]0;owned")
    assert hostile["actor"].startswith("'+\\x1b")
    assert '"x"' in hostile["reason"]
    assert not any((cell or "").startswith(("=", "+", "@", "-")) for row in rows for cell in row.values())


def test_words_are_found_and_marked_and_cannot_forge_a_line(chaperone: Chaperone, events: Events) -> None:
    out = chaperone.out("events", "list", "--text", "agreed", COLUMNS="120")
    assert is_harmless(out)
    header, row, line = out.splitlines()
    assert header.startswith("AGE")
    assert row.split()[1:3] == ["approval-decided", "bob"]
    assert "agreed \\x1b]0;owned" in line
    found = json.loads(chaperone.out("events", "list", "--text", '"select 1"', "-o", "json"))["status"][
        "hits"
    ]
    assert found[0]["event"]["metadata"]["name"] == events["denied"].id
    assert [found[0]["text"][start:end] for start, end in found[0]["highlight"]] == ["select 1"]
    out = chaperone.out("events", "list", "--text", "select", "-o", "csv", "--outcome", "failure")
    [cells] = csv.DictReader(out.splitlines())
    assert (cells["id"], cells["matches"]) == (events["denied"].id, "select")


def test_what_is_not_found_is_told_and_how_cards_are_on_record(chaperone: Chaperone, events: Events) -> None:
    done = chaperone.run("events", "list", "--text", "4111 1111 1111 1111")
    assert (done.code, done.out) == (0, "")
    assert "Nothing found for this number among the audit events of namespace payments" in done.error
    assert "411111******1111" in done.error
    assert chaperone.run("events", "list", "--text", "x", "--limit", "1001").code == 2
    assert events


def test_json_holds_no_control_characters(chaperone: Chaperone, events: Events) -> None:
    out = chaperone.out("events", "list", "-o", "json")
    assert is_harmless(out)
    assert json.loads(out)["items"][0]["command"][1] == EVIL


def test_everything_known_of_one_event_wherever_it_is(chaperone: Chaperone, events: Events) -> None:
    out = chaperone.out("events", "show", events["denied"].id)
    assert is_harmless(out)
    facts = {line[:14].strip(): line[14:] for line in out.splitlines()}
    assert facts["Decision"] == "deny by pci-dss/shells"
    assert facts["Command"] == "psql -c 'select 1'"
    assert facts["About"] == "pods/exec payments/web app"
    assert "control-started" in chaperone.out("events", "show", events["started"].id)
    found = json.loads(chaperone.out("events", "show", events["elsewhere"].id, "-o", "json"))
    assert found["metadata"]["namespace"] == "billing"


def test_an_event_that_is_not_there(chaperone: Chaperone, events: Events) -> None:
    done = chaperone.run("events", "show", events["elsewhere"].id, "-n", "payments")
    assert done.code == 3
    assert "chaperone events list" in done.error


def test_a_reader_of_one_namespace_sees_its_events(standing: Front, folder: Path, events: Events) -> None:
    reader = Chaperone(standing.kubeconfig(folder, PAYMENTS_ONLY))
    assert events["denied"].id in reader.out("events", "show", events["denied"].id)
    done = reader.run("events", "list", "-A")
    assert done.code == 4
    assert "chaperone-auditor" in done.error
    agent = Chaperone(standing.kubeconfig(folder, AGENT))
    assert agent.run("events", "show", events["denied"].id).code in (3, 4)


def test_an_empty_list_says_so(chaperone: Chaperone, events: Events) -> None:
    done = chaperone.run("events", "list", "--user", "nobody")
    assert (done.code, done.out) == (0, "")
    assert "No audit events found in namespace payments" in done.error
    assert events


def test_a_session_tells_who_approved_it_and_why(chaperone: Chaperone, store: Store, events: Events) -> None:
    decision = Decision("approve", "pci-dss", "shells", "r-1", T0, approval="exec-1")
    record = store.create(make_record(900_000, decision=decision))
    out = chaperone.out("sessions", "show", record.session)
    assert is_harmless(out)
    lines = out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("Approval"))
    assert lines[start].split() == ["Approval", "exec-1"]
    asked, decided, used = (line.strip() for line in lines[start + 1 : start + 4])
    assert asked.startswith("asked for by agent, 2026-09-21")
    assert decided.startswith("decided by bob (approve), 2026-09-21")
    assert "agreed \\x1b]0;owned" in decided
    assert used.startswith("used by agent")
    unknown = store.create(
        make_record(901_000, decision=Decision("approve", "p", "r", "r-1", T0, approval="exec-9"))
    )
    assert "exec-9; no audit event tells of it" in chaperone.out("sessions", "show", unknown.session)
