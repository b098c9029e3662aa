"""Whatever field a number is in, it is not written down and does not leave."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec
import pytest
from approvals import MemoryJournal
from hypothesis import given
from hypothesis import strategies as st
from told import event

from sidecar.contract.sealing import Identity
from sidecar.masking import Engine, Profile
from webhook.journal.events import AuditEvent
from webhook.journal.masked import MaskedJournal, masked, masked_identity, masked_text

PAN = "4111111111111111"
MASKED = "411111******1111"
MASK = Engine.load(Profile.STRICT).masks()
OURS = {"id", "at", "kind", "outcome", "origin", "door", "operation", "action", "session", "dry_run"}
"""Fields that nobody outside Chaperone writes."""
FULL: dict[str, Any] = msgspec.to_builtins(
    event(
        actor="alice",
        details={"ticket": "77aa"},
        argv=("a",),
        reason="why",
        would="deny by p/r",
        request="705ab4f5-6393-11e8-b7cc-42010a800002",
    )
) | {"actor": {"username": "alice", "uid": "u", "groups": ["g"], "extra": {"iss": ["idp"]}}}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every text of an event and every name of a detail, as the way there."""
    match value:
        case dict():
            for key, inner in cast("dict[str, Any]", value).items():
                yield from places(inner, (*path, key))
                if path and path[-1] in {"details", "extra"}:
                    yield (*path, key, "its name")
        case list() | tuple():
            for number, inner in enumerate(cast("list[Any]", value)):
                yield from places(inner, (*path, number))
        case str():
            yield path
        case _:
            return


def planted(path: tuple[Any, ...]) -> AuditEvent:
    """The event with a number in one place."""
    document = msgspec.json.decode(msgspec.json.encode(FULL))
    named = path[-1] == "its name"
    *way, last = path[:-1] if named else path
    part = document
    for step in way:
        part = part[step]
    if named:
        part[f"card {PAN}"] = part.pop(last)
    else:
        part[last] = f"card {PAN}"
    return msgspec.convert(document, AuditEvent)


PLACES = [path for path in places(FULL) if path[0] not in OURS]


def test_every_text_field_is_known_here() -> None:
    assert {path[0] for path in PLACES} | OURS == set(AuditEvent.__struct_fields__)


@pytest.mark.parametrize("path", PLACES, ids=lambda path: ".".join(map(str, path)))
def test_a_number_is_masked_in_every_field(path: tuple[Any, ...]) -> None:
    told = planted(path)
    assert PAN in msgspec.json.encode(told).decode()
    shown, found = masked(told, MASK)
    text = msgspec.json.encode(shown).decode()
    assert found == 1
    assert PAN not in text
    assert f"card {MASKED}" in text


def test_a_number_cut_by_a_space_is_masked_in_a_command_line() -> None:
    shown, found = masked(event(argv=("echo", "4111", "1111", "1111", "1111")), MASK)
    assert (found, shown.argv) == (1, ("echo", "4111", "11**", "****", "1111"))


@given(st.lists(st.text(max_size=8), max_size=5))
def test_arguments_stay_apart(argv: list[str]) -> None:
    told = event(argv=tuple(argv), actor="bob")
    shown, found = masked(told, MASK)
    assert not found
    assert shown.argv == tuple(part.encode("utf-8", "replace").decode() for part in argv)
    assert shown.actor == Identity("bob")


def test_what_holds_no_card_data_stays_as_it_is() -> None:
    told = msgspec.convert(FULL, AuditEvent)
    assert masked(told, MASK) == (told, 0)
    assert masked_identity(told.actor, MASK) == told.actor
    assert masked_text("cvv=12 at 10:00", MASK) == "cvv=12 at 10:00"


def test_who_somebody_is_is_masked_and_always_alike() -> None:
    shown = masked_identity(Identity(PAN, "", (f"g {PAN}",), {"k": (PAN, "x")}), MASK)
    assert shown == Identity(MASKED, "", (f"g {MASKED}",), {"k": (MASKED, "x")})
    assert masked_identity(shown, MASK) == shown


def test_a_journal_is_given_what_is_masked_whichever_thread_notes() -> None:
    kept = MemoryJournal()
    journal = MaskedJournal(kept, MASK)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.note, [event(reason=f"card {PAN}")] * 200))
    assert {one.reason for one in kept.events} == {f"card {MASKED}"}
    assert journal.shown(event(asked=PAN)).asked == MASKED


@given(st.lists(st.text(max_size=6), min_size=40, max_size=60), st.integers(0, 39))
def test_of_many_groups_each_stays_itself_but_for_the_one_with_a_number(
    groups: list[str], place: int
) -> None:
    plain = [group.encode("utf-8", "replace").decode() for group in groups]
    told = Identity("bob", groups=(*groups[:place], f"card {PAN}", *groups[place:]))
    shown = masked_identity(told, MASK)
    assert shown.groups[place] == f"card {MASKED}"
    assert len(shown.groups) == len(told.groups)
    if not any(character.isnumeric() for group in groups for character in group):
        assert list(shown.groups[:place] + shown.groups[place + 1 :]) == plain
