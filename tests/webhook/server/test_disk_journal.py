"""The journal on disk: killed anywhere, torn, full, damaged."""

import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from audit_event_samples import make_event, make_maker

from sidecar.contract.errors import ConfigurationError
from webhook.journal.events import AuditEvent, Kind
from webhook.journal.journal import JournalFullError
from webhook.journal.lines import encode_event, encode_line
from webhook.server.disk_journal import SEGMENT_BYTES, DiskJournal

WRITER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[3:]
from audit_event_samples import make_event, make_maker
from webhook.server.disk_journal import DiskJournal

journal = DiskJournal(Path(sys.argv[1]), limit_bytes=1 << 30, maker=make_maker())
for number in range(1_000_000):
    event = make_event(number, reason="x" * (number * 37 % 3000))
    journal.note(event)
    print(event.id, flush=True)
"""
Open = Callable[..., DiskJournal]


@pytest.fixture
def open_journal(tmp_path: Path) -> Iterator[Open]:
    """Open the same journal again, after the last one was closed."""
    opened: list[DiskJournal] = []

    def open_again(limit_bytes: int = 1 << 20) -> DiskJournal:
        while opened:
            opened.pop().close()
        opened.append(DiskJournal(tmp_path / "journal", limit_bytes=limit_bytes, maker=make_maker()))
        return opened[-1]

    yield open_again
    for journal in opened:
        journal.close()


def take_all(journal: DiskJournal) -> list[AuditEvent]:
    """Ship everything, to nowhere."""
    events: list[AuditEvent] = []
    while segment := journal.oldest():
        events += [msgspec.json.decode(event, type=AuditEvent) for event in segment.events]
        journal.release(segment)
    assert not journal.waits
    return events


def fill(journal: DiskJournal) -> int:
    """Note until nothing more is taken; give how many were."""
    for number in range(1000):
        try:
            journal.note(make_event(number))
        except JournalFullError:
            return number
    raise AssertionError("it takes everything")


def test_what_is_noted_comes_out_in_order_once(open_journal: Open) -> None:
    journal = open_journal(1 << 24)
    assert not journal.waits
    events = [make_event(number, reason="x" * 500) for number in range(1000)]
    for event in events:
        journal.note(event)
    assert journal.waits
    assert take_all(journal) == events
    assert take_all(journal) == []


def test_what_was_not_released_is_there_for_the_next_process(open_journal: Open) -> None:
    journal = open_journal(1 << 24)
    events = [make_event(number, reason="x" * 1000) for number in range(600)]
    for event in events:
        journal.note(event)
    first = journal.oldest()
    assert first is not None
    again = open_journal(1 << 24)
    again.note(make_event(1000))
    assert take_all(again)[:-1] == events


def test_a_released_segment_is_gone_and_the_rest_stays(open_journal: Open) -> None:
    journal = open_journal(1 << 24)
    for number in range(600):
        journal.note(make_event(number, reason="x" * 1000))
    segment = journal.oldest()
    assert segment is not None
    assert SEGMENT_BYTES <= segment.size < 2 * SEGMENT_BYTES
    journal.release(segment)
    left = take_all(open_journal(1 << 24))
    assert len(left) == 600 - len(segment.events)


@pytest.mark.parametrize("lines", [0, 1, 3, 120, 400])
def test_what_was_noted_survives_kill_9(open_journal: Open, tmp_path: Path, lines: int) -> None:
    support = str(Path(__file__).parents[2] / "support")
    argv = [sys.executable, "-c", WRITER, str(tmp_path / "journal"), "", support, *sys.path]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        noted = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.send_signal(signal.SIGKILL)
        noted += [line.strip() for line in writer.stdout if line.endswith("\n")]
    kept = [event.id for event in take_all(open_journal(1 << 30))]
    assert kept[: len(noted)] == noted
    assert len(set(kept)) == len(kept) <= len(noted) + 1


def test_a_torn_line_is_left_out_and_what_follows_is_not_touched(open_journal: Open, tmp_path: Path) -> None:
    line = encode_line(encode_event(make_event(2)))
    for cut in (1, 8, 9, 10, len(line) // 2, len(line) - 1):
        journal = open_journal()
        kept = make_event(1)
        journal.note(kept)
        journal.close()
        [file] = list((tmp_path / "journal").iterdir())
        with file.open("ab") as torn:
            torn.write(line[:cut])
        again = DiskJournal(tmp_path / "journal", limit_bytes=1 << 20, maker=make_maker())
        later = make_event(3)
        again.note(later)
        assert take_all(again) == [kept, later]
        again.close()


def test_a_damaged_line_is_counted_and_told(open_journal: Open, tmp_path: Path) -> None:
    journal = open_journal()
    for number in range(3):
        journal.note(make_event(number))
    journal = open_journal()
    [file] = list((tmp_path / "journal").iterdir())
    data = bytearray(file.read_bytes())
    data[50] ^= 1
    file.write_bytes(data)
    *rest, told = take_all(journal)
    assert len(rest) == 2
    assert (told.kind, told.details) == (Kind.CONTROL_FAILED, {"events": "1"})


def test_a_full_journal_refuses_and_says_how_many_it_lost(open_journal: Open) -> None:
    journal = open_journal(20_000)
    fill(journal)
    for number in range(5):
        with pytest.raises(JournalFullError, match="full"):
            journal.note(make_event(number))
    segment = journal.oldest()
    assert segment is not None
    journal.release(segment)
    journal.note(make_event(7))
    told = [event for event in take_all(journal) if event.kind is Kind.CONTROL_FAILED]
    assert [event.details for event in told] == [{"events": "6"}]
    assert "full" in told[0].reason


def test_an_event_the_collector_refuses_waits_for_the_next_start(open_journal: Open) -> None:
    journal = open_journal()
    events = [make_event(number) for number in range(3)]
    for event in events:
        journal.note(event)
    segment = journal.oldest()
    assert segment is not None
    journal.release(segment, segment.events[1:2])
    [told] = take_all(journal)
    assert (told.kind, told.details) == (Kind.CONTROL_FAILED, {"events": "1"})
    again = open_journal()
    assert take_all(again) == events[1:2]
    assert take_all(open_journal()) == []


def test_two_processes_never_share_a_journal(open_journal: Open, tmp_path: Path) -> None:
    open_journal()
    with pytest.raises(ConfigurationError, match="cannot be used"):
        DiskJournal(tmp_path / "journal", limit_bytes=1, maker=make_maker())


def test_a_disk_without_room_refuses_and_keeps_whole_lines(open_journal: Open) -> None:
    """A limit on the size of files stands in for a full disk: writes come back short in the same way."""
    journal = open_journal()
    journal.note(make_event(0))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    noted = 1
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        noted += fill(journal)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    journal.note(make_event(1))
    events = take_all(journal)
    assert [event.kind for event in events] == [*([Kind.DECISION] * (noted + 1)), Kind.CONTROL_FAILED]


def test_a_directory_that_cannot_be_written_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        DiskJournal(tmp_path / "file", limit_bytes=1, maker=make_maker())


def test_threads_may_note_while_another_ships(open_journal: Open) -> None:
    journal, taken = open_journal(1 << 26), list[AuditEvent]()
    noting = threading.Event()

    def ship() -> None:
        while not noting.is_set() or journal.waits:
            if segment := journal.oldest():
                taken.extend(msgspec.json.decode(event, type=AuditEvent) for event in segment.events)
                journal.release(segment)

    def note(start: int) -> None:
        for number in range(300):
            journal.note(make_event(start + number))

    shipper = threading.Thread(target=ship)
    writers = [threading.Thread(target=note, args=(1000 * number,)) for number in range(4)]
    for thread in (shipper, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    noting.set()
    shipper.join()
    assert len({event.id for event in taken}) == len(taken) == 1200


def test_only_the_owner_may_read_it(open_journal: Open, tmp_path: Path) -> None:
    open_journal().note(make_event())
    folder = tmp_path / "journal"
    modes = [path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())]
    assert modes == [0o700, 0o600]
