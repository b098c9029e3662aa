"""The sieves never miss what the readers take: with them and without them the same comes out."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, NUMBERS, fragments, grouped, run

from sidecar.masking import Engine, Profile, pan
from sidecar.masking.alphabets import MARKS
from sidecar.masking.card_table import GROUPINGS
from sidecar.masking.cards import CardTable, length_classes
from sidecar.masking.databases import Compiled, compile_all
from sidecar.masking.hyperscan_safe import Scanner, compile_database
from sidecar.masking.looking import Look
from sidecar.masking.patterns import PIECES, Sieve, Trigger, beginning, keyed_rules, triggers
from sidecar.masking.reader import BufferReader
from sidecar.masking.readers import Readers
from sidecar.masking.sad_table import KEYED
from sidecar.masking.stream import Masker

_READERS = ("text", *MARKS, *(rule.name for rule in KEYED), "track1", "track2", "emv", "iso8583", "padded")


class Everywhere(BufferReader):
    """Lets every reader read everything."""

    def look(self, buffer: bytes, start: int = 0) -> Look | None:
        return Look(start, rare=True)

    def _second_look(self, buffer: bytes, first: int, look: Look) -> dict[str, list[tuple[int, int]]]:
        return {name: [(0, len(buffer))] for name in _READERS}


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_all()


@pytest.fixture(scope="module")
def engine(compiled: Compiled) -> Engine:
    return Engine(Profile.STRICT, compiled)


@pytest.fixture(scope="module")
def everywhere(compiled: Compiled) -> BufferReader:
    scanners = {sieve: Scanner(database) for sieve, database in compiled.databases.items()}
    return Everywhere(scanners, Readers(CardTable(Profile.STRICT), compiled.routes), None, ())


def filled() -> st.SearchStrategy[bytes]:
    """Fragments with text between them, so that they lie far from each other and from the ends."""
    words = st.sampled_from([b"", b" opened by root at 12:30:45, 200 ms ", b"\n" + b"plain text " * 40])
    return st.lists(st.tuples(fragments(), words).map(b"".join), min_size=1, max_size=3).map(b"".join)


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=filled(), size=st.sampled_from([1, 7, 900, 1100, 100_000]))
@example(data=b"411111111111111100^DOE/JOHN^^^" + b"%34" + b"%31" * 15, size=1).via(
    "stars of two kinds in one place"
)
def test_readers_without_sieves_find_the_same(
    engine: Engine, everywhere: BufferReader, data: bytes, size: int
) -> None:
    masker = Masker(everywhere)
    whole = masker.feed(data) + masker.close()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert run(engine, pieces) == (whole, masker.take_findings())


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=fragments())
def test_the_quick_look_at_many_starts_passes_over_nothing(engine: Engine, data: bytes) -> None:
    whole = run(engine, [data])
    for many in (0, 1_000_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pan, "_MANY", many)
            assert run(engine, [data]) == whole


@pytest.mark.parametrize("profile", Profile)
@given(
    digits=st.sampled_from(NUMBERS).map(lambda number: number + b"000") | st.from_regex(rb"\A[0-9]{12,19}\Z")
)
def test_the_table_knows_what_begins_a_number(profile: Profile, digits: bytes) -> None:
    table, digits = CardTable(profile), digits[:19]
    ends = range(table.shortest, len(digits) + 1)
    assert table.begins(digits) == any(table.brand(digits[:end]) for end in ends)


@pytest.mark.parametrize(("rule", "key"), [(rule.name, key) for rule in KEYED for key in rule.keys])
def test_every_key_contains_a_piece(rule: str, key: bytes) -> None:
    pieces = [piece for piece in PIECES if any(piece in part for part in key.split(b"_"))]
    assert any(rule in keyed_rules(piece) for piece in pieces)


def test_every_beginning_of_a_number_is_looked_for() -> None:
    scanner = Scanner(compile_database([Trigger(beginning(), "plain", 1)]))
    for (shortest, _), prefixes in length_classes().items():
        for prefix in prefixes:
            assert scanner.hits(prefix.ljust(shortest, b"1"))


@pytest.mark.parametrize("grouping", sorted(GROUPINGS))
@pytest.mark.parametrize("gap", [b" ", b"  ", b" - ", b"-", b".", b"/", b"_", b"+", b"\t"])
def test_every_grouping_is_looked_for(grouping: tuple[int, ...], gap: bytes) -> None:
    written = gap.join(b"1" * count for count in grouping)
    for sieve in (Sieve.GATE, Sieve.NUMBERS):
        assert Scanner(compile_database(triggers(sieve))).hits(b"x" + written + b" ")


@pytest.mark.parametrize("number", NUMBERS)
def test_text_is_only_looked_at_once(compiled: Compiled, number: bytes) -> None:
    gate = Scanner(compiled.databases[Sieve.GATE])
    assert gate.hits(b"x " + grouped(number, b"-") + b" y")
    assert not gate.hits(b"2026-01-28T12:30:45 opened in 200 ms, 4711 of 12 at 10.0.0.1:8080\n")
