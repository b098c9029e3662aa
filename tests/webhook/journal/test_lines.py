"""Lines of the journal: any cut, any flipped byte, any length."""

import msgspec
from audit_event_samples import make_event
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.sealing import Identity
from webhook.journal.events import AuditEvent
from webhook.journal.lines import MAX_EVENT_BYTES, encode_event, encode_line, file_of, read_lines

EVENTS = [encode_event(make_event(number, reason="because\n" * number)) for number in range(4)]
FILE = file_of(EVENTS)


def decoded(data: bytes) -> AuditEvent:
    return msgspec.json.decode(data, type=AuditEvent)


def test_what_is_written_is_read() -> None:
    assert read_lines(FILE).events == EVENTS
    assert read_lines(FILE).damaged == 0
    assert read_lines(b"").events == []


def test_a_file_cut_anywhere_gives_the_whole_lines_before_the_cut() -> None:
    ends = [len(file_of(EVENTS[:count])) for count in range(len(EVENTS) + 1)]
    for cut in range(len(FILE) + 1):
        read = read_lines(FILE[:cut])
        assert read.events == EVENTS[: sum(end <= cut for end in ends) - 1]
        assert read.damaged == 0


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
def test_a_flipped_byte_costs_the_lines_it_is_in_and_no_other(place: int, flip: int) -> None:
    changed = bytearray(FILE)
    changed[place] ^= flip
    read = read_lines(bytes(changed))
    assert set(read.events) < set(EVENTS)
    assert len(read.events) >= len(EVENTS) - 2
    assert read.damaged or place == len(FILE) - 1 or len(EVENTS) - len(read.events) == 1


def test_text_that_no_utf8_can_hold_is_replaced() -> None:
    event = make_event(argv=("echo", "\ud800x"), actor=Identity("a\udfffb"))
    read = decoded(encode_event(event))
    assert (read.argv, read.actor.username) == (("echo", "?x"), "a?b")
    assert read.id == event.id


def test_an_event_without_measure_keeps_the_beginning_of_everything() -> None:
    groups = tuple(f"group-{number}-{'x' * 200}" for number in range(10_000))
    extra = {f"key-{number}": tuple("\x01" * 5000 for _ in range(100)) for number in range(100)}
    event = make_event(actor=Identity("agent", "u", groups, extra), asked="a" * 10_000_000)
    data = encode_event(event)
    assert len(data) <= MAX_EVENT_BYTES
    read = decoded(data)
    assert (read.id, read.at, read.kind, read.session) == (event.id, event.at, event.kind, event.session)
    assert read.actor.username == "agent"
    assert read.actor.groups[0].startswith("group-0-xxx")
    assert read.asked.startswith("aaaa")
    assert read.asked.endswith("characters more")


def test_a_line_holds_no_line_feed_of_its_own() -> None:
    line = encode_line(encode_event(make_event(reason="one\ntwo\r\nthree\u2028four")))
    assert line.count(b"\n") == 1
