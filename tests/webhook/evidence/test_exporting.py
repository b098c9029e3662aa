"""What goes into a bundle: the same bytes for the same range, what was asked for, and no more."""

import io
import json
import tracemalloc
from pathlib import Path

import pytest
from evidence_bundles import DeskSource, bundle, check, files, selected, write
from evidence_desk import MINUTE, SECOND, SINCE, EvidenceDesk, said
from store_samples import T0

from sidecar.contract.errors import CallerError
from webhook.evidence.selection import Selection
from webhook.evidence.window import find_window
from webhook.ledger.entries import Entry
from webhook.store.contract import SessionRecord

Sessions = dict[str, SessionRecord]


def test_the_same_range_gives_the_same_bytes_whatever_came_later(
    desk: EvidenceDesk, whole: bytes, tmp_path: Path
) -> None:
    before = bundle(desk)
    assert before == whole
    desk.recorded(250, ["later"])
    desk.sign(260)
    assert bundle(desk) == whole
    path = tmp_path / "bundle.zip"
    with path.open("wb") as file:
        write(desk, selected(user="agent"), file)
    assert path.read_bytes() == whole


def test_nobody_elses_doings_are_in_it(whole: bytes) -> None:
    content = files(whole)
    texts = {name: data for name, data in content.items() if not name.startswith("page/asciinema")}
    assert not [name for name, data in texts.items() if b"bob" in data or b"SECRET" in data]
    entries = [json.loads(line) for line in content["ledger/entries.jsonl"].splitlines()]
    assert len(entries) == 34
    assert len(content["ledger/leaves"].splitlines()) == 52 - 10


def test_it_holds_sessions_approvals_policies_and_failures(whole: bytes, sessions: Sessions) -> None:
    content = files(whole)
    listed = json.loads(content["record/sessions.json"])
    names = ("cards", "shell", "approved", "nasty", "killed")
    assert [row["session"] for row in listed] == [sessions[name].session for name in names]
    first, second = json.loads(content["record/approvals.json"])
    assert (first["state"], first["verdicts"][0]["by"], first["verdicts"][0]["reason"]) == (
        "used",
        "lead",
        "ticket T-42",
    )
    assert sessions["approved"].session in first["uses"][0]
    assert (second["state"], second["broken_glass"], second["reviewed"]) == ("broken glass", True, False)
    policies = [(row["policy"], row["generation"]) for row in json.loads(content["record/policies.json"])]
    assert policies[:2] == [("pci", "3"), ("built-in", "1")]
    assert policies[2][1] == "4"
    kinds = {row["kind"] for row in json.loads(content["record/audit-events.json"])}
    assert {"decision", "control-failed", "policy-changed", "break-glass", "approval-used"} <= kinds
    [unsealed] = json.loads(content["record/unsealed.json"])
    assert unsealed["asked"] == "exec sleep 9999"
    people = {row["user"]: row for row in json.loads(content["record/access-review.json"])}
    assert (people["agent"]["sessions"], people["agent"]["refused"], people["agent"]["glass"]) == (5, 1, 1)
    assert people["agent"]["approved_by"] == ["lead"]


def test_the_summary_goes_by_requirement(whole: bytes) -> None:
    found = json.loads(files(whole)["record/summary.json"])
    rows = {row["number"]: row for row in found["requirements"]}
    assert "1 pan/visa" in rows["3.3.1, 3.4.1, 3.5.1"]["shows"]
    assert rows["7.2.1-7.2.6"]["attention"] == "1 broken glass without a review in this record"
    assert rows["10.7.2, 10.7.3"]["attention"] == "1 failure"
    assert rows["8.2.8"]["shows"] == "1 session ended idle, 0 at their longest time."


def test_a_session_has_its_asciicast_and_structured_record(whole: bytes, sessions: Sessions) -> None:
    content, session = files(whole), sessions["cards"].session
    header, *lines = content[f"sessions/{session}/session.cast"].splitlines()
    assert json.loads(header)["version"] == 2
    assert [2.0, "o", "1001,411111******1111\r\n"] in [json.loads(line) for line in lines]
    record = json.loads(content[f"sessions/{session}/session.json"])
    assert record["user"]["extra"] == {"example.org/task": ["T-42"]}
    assert record["manifest"]["findings"] == {"pan/visa": 1}
    events = [json.loads(line)["event"] for line in content[f"sessions/{session}/events.jsonl"].splitlines()]
    assert [event["type"] for event in events] == [
        "start",
        "program",
        "data",
        "data",
        "finding",
        "exit",
        "end",
    ]


def test_what_was_typed_at_a_terminal_is_there_as_lines(whole: bytes, sessions: Sessions) -> None:
    text = files(whole)[f"page/{sessions['shell'].session}.text.js"].decode()
    head, *lines = text.splitlines()
    assert head == f'evidence.text("{sessions["shell"].session}", ['
    found = [json.loads(line.rstrip(",")) for line in lines if line.startswith("[")]
    assert [line for line in found if line[1] == "typed"] == [
        [1.5, "typed", "ls -la"],
        [3.5, "typed", "psql -c 'select 1'"],
        [65.5, "typed", "exit"],
    ]
    assert [2.0, "program", "ls -la"] in found
    assert [2.0, "stdout", "bin  data  run.sh"] in found
    assert not [line for line in found if line[1] == "stdin"]


def test_hostile_text_is_harmless_in_every_file(whole: bytes) -> None:
    for name, data in files(whole).items():
        if name.endswith((".json", ".jsonl", ".csv", ".cast", ".js")) and "asciinema" not in name:
            text = data.decode()
            bad = [c for c in text if not c.isprintable() and c != "\n"]
            assert not bad, name
        if name.startswith("page/") and name.endswith((".recording.js", ".text.js", "index.js")):
            assert b"</script" not in data
    assert not [line for line in files(whole)["record/sessions.csv"].splitlines() if line.startswith(b"=")]


def test_a_range_that_ends_too_late_says_so(desk: EvidenceDesk, sessions: Sessions) -> None:
    assert sessions
    late = Selection(user="agent", since=SINCE, until=T0 + 24 * 60 * MINUTE)
    found = check(bundle(desk, late))
    assert not found.complete
    assert find_window(DeskSource(desk), late).size == int(desk.data["checkpoint"].splitlines()[1])


def test_it_can_be_proven_by_any_checkpoint_that_was_signed(desk: EvidenceDesk, sessions: Sessions) -> None:
    assert sessions
    size = int(desk.data["checkpoint"].splitlines()[1])
    assert check(bundle(desk, selected(user="agent"), size=size)).size == size
    with pytest.raises(CallerError, match="no checkpoint of 9 entries was signed"):
        bundle(desk, selected(user="agent"), size=9)


def test_a_recording_that_was_changed_in_the_store_is_left_out_and_named(tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    good = desk.recorded(70, ["date"], said("a day\n"))
    bad = desk.recorded(80, ["date"], said("a day\n"))
    gone = desk.recorded(90, ["date"], said("a day\n"))
    for minutes in (190, 200):
        desk.recorded(minutes - 1, ["date"])
        desk.sign(minutes)
    desk.tamper("DELETE FROM sessions WHERE session = ?", gone.session)
    desk.tamper(
        "UPDATE frames SET payload = CAST(replace(payload, X'612064', X'622064') AS BLOB) WHERE id >> 32 ="
        " (SELECT number FROM sessions WHERE session = ?)",
        bad.session,
    )
    file = io.BytesIO()
    written = write(desk, selected(user="agent"), file)
    assert [problem.split(",")[0] for problem in written.problems] == [
        f"session {bad.session}",
        f"session {gone.session}",
    ]
    rows = json.loads(files(file.getvalue())["record/sessions.json"])
    assert [(row["session"], row["kept"]) for row in rows] == [
        (good.session, True),
        (bad.session, False),
        (gone.session, False),
    ]
    with pytest.raises(CallerError, match=f"session {bad.session}, .* its recording is missing"):
        check(file.getvalue())
    desk.store.close()


def test_a_recording_whose_time_was_over_is_no_break(tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    gone = desk.recorded(70, ["date"], said("a day\n"))
    text = "chaperone.dev/ledger/removal/v1\n" + json.dumps(
        {
            "at": desk.now,
            "before": desk.now,
            "months": 12,
            "name": "2026-09-21/0",
            "sessions": [gone.session],
        },
        separators=(",", ":"),
    )
    note = desk.keys[-1].sign(f"{text}\n", desk.book.origin)
    desk.store.append_entries([Entry("removal/2026-09-21/0", note.encode())])
    for minutes in (190, 200):
        desk.recorded(minutes - 1, ["date"])
        desk.sign(minutes)
    desk.tamper("DELETE FROM sessions WHERE session = ?", gone.session)
    found = check(bundle(desk))
    assert (found.sessions, found.removed, found.holds) == (0, 1, True)
    desk.store.close()


def test_memory_does_not_grow_with_a_recording(tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in (10, 20, 40):
        desk.sign(minutes)
    line = "".join(f"line {number:06}\n" for number in range(2000))
    desk.recorded(70, ["yes"], said(*[line] * 60, every=SECOND // 10))
    for minutes in (190, 200):
        desk.recorded(minutes - 1, ["date"])
        desk.sign(minutes)
    path = tmp_path / "bundle.zip"
    tracemalloc.start()
    with path.open("wb") as file:
        write(desk, selected(user="agent"), file)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert check(path.read_bytes()).sessions == 1
    recorded = sum(
        len(data) for name, data in files(path.read_bytes()).items() if name.startswith("sessions/")
    )
    assert recorded > 4_000_000
    assert peak < 2_500_000, peak
    desk.store.close()
