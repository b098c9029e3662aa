"""The stream holder: one result however the input is cut, nothing held longer than it must be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, PLAIN_CASES, cut_everywhere, fragments, run

from sidecar.contract.errors import BugError
from sidecar.masking import Engine, Finding, Masker, Profile, mask_text
from sidecar.masking.stream import HUGE


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


@pytest.mark.parametrize(("given_text", "masked"), PLAIN_CASES)
def test_masks_the_middle_digits(engine: Engine, given_text: str, masked: str) -> None:
    assert mask_text(engine, given_text)[0] == masked


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("text", [case[0] for case in PLAIN_CASES])
def test_every_cut_gives_the_same(profile: Profile, text: str) -> None:
    cut_everywhere(Engine.load(profile).stream, text.encode())


@pytest.mark.parametrize("number", ["3782 822463{}10005 ", "4111{}1111 1111 1111 "])
@pytest.mark.parametrize("gap", ["=2D", "=2E", "=2F", "=C2=A0", "=E2=80=93", "=E2=80=AF", "&#X20;", "\u2e3a"])
def test_a_large_piece_may_end_within_a_number(engine: Engine, number: str, gap: str) -> None:
    """What needs no second look is given out at once, unless it may be the beginning of a gap."""
    before, data = b"plain text without figures " * 40, number.format(gap).encode()
    whole = run(engine, [before + data])
    for cut in range(1, len(data)):
        assert run(engine, [before + data[:cut], data[cut:]]) == whole


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=fragments(), sizes=st.lists(st.integers(1, 40), max_size=30))
def test_random_pieces_give_the_same(engine: Engine, data: bytes, sizes: list[int]) -> None:
    pieces: list[bytes] = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    out, findings = run(engine, [*pieces, data[at:]])
    assert (out, findings) == run(engine, [data])
    assert len(out) == len(data)


@pytest.mark.parametrize(
    "data",
    [
        # what begins among the digits of something else that is not complete yet
        b"33  5a" + b"4111111111111111".hex(" ").encode() + b"\n",
        b"1\x1b[4111111111111111 x",
        # the value of an EMV tag that begins in a run of digits
        b"757133",
        # groups that no number has
        b"378\t715221010",
        b"792   063   545   010   986\x1b",
        b"9537781\r \x00",
        # rows of dumps, of which the text looks like more hex, or which end as on terminals
        b"32\\x34\\x31\\x36\\x38\\x34\\x37\r\n",
        b"\n00000012: 3335 3238 3035  352805\r\n00000018: 3234 3237 3937  242797\r\n",
        # an empty line behind a row
        b"00000000: 6162 6330 3132  abc 12\n00000006: 3336 3031 3137  36011\n\n0000000c: 3439 3331",
        b"\n00000010  32 32 36 36 30 34 31 32 2f 32 37 20              |22660412/27 |security code: ",
        # a track of which all has come and the last digits wait
        b"4111111111111111^ON^2512101" + b"x" * 46 + b"4111111",
    ],
)
def test_the_same_waits_in_small_pieces(engine: Engine, data: bytes) -> None:
    _check_waiting(engine, data)


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=fragments())
def test_the_same_waits_however_it_came(engine: Engine, data: bytes) -> None:
    _check_waiting(engine, data[-200:])


def _check_waiting(engine: Engine, data: bytes) -> None:
    """Nothing waits that would have gone out in other pieces: on a terminal it may be erased before.

    Nor is anything else hidden and no finding yet.
    """
    fresh = engine.stream()
    masker = fresh.fork()
    sent = 0
    for fed in range(1, len(data) + 1):
        sent += len(masker.feed(data[fed - 1 : fed]))
        whole = fresh.fork()
        at_once = len(whole.feed(data[:fed]))
        if sent == at_once:
            assert whole.unfinished_findings() == masker.unfinished_findings()
        # What a digit over an underline begins with goes out with a star as well.
        assert not data[min(sent, at_once) : max(sent, at_once)].strip(b"_\x08")


@pytest.mark.parametrize("size", [1, 7, 1000, 1025, 4096, 70000])
def test_large_pieces_give_the_same(engine: Engine, size: int) -> None:
    line = b"order 17 paid with 4111 1111 1111 1111 at 12:30, then 5555555555554444\n"
    data = b"".join(line[n % 20 :] + b"plain words\n" * (n % 7) for n in range(300))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert run(engine, pieces) == run(engine, [data])
    assert b"4111 1111" not in run(engine, [data])[0]


def test_a_huge_piece_is_taken_in_parts(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look goes on behind digits, each time with a copy of all the rest: so the rest must be bounded."""
    sizes: list[int] = []
    original = Masker._feed_large

    def feed(masker: Masker, data: bytes) -> bytes:
        sizes.append(len(data))
        return original(masker, data)

    monkeypatch.setattr(Masker, "_feed_large", feed)
    data = b"1700000000000 and 4111 1111 1111 1111\n" * 20_000
    for before in (b"", b"41111111"):
        assert len(run(engine, [before, data])[1]) == 20_000
    assert max(sizes) <= HUGE
    assert sum(sizes) > len(data)


def test_six_digits_go_out_at_once(engine: Engine) -> None:
    masker = engine.stream()
    digits = (b"4", b"1", b"1", b"1", b"1", b"1", b"1")
    assert [masker.feed(digit) for digit in digits] == [*digits[:6], b""]


@pytest.mark.parametrize("digit", [b"4", b"1", b"0"])
def test_held_digits_are_bounded(engine: Engine, digit: bytes) -> None:
    masker = engine.stream()
    given_out = 0
    for fed in range(1, 2001):
        given_out += len(masker.feed(digit))
        assert fed - given_out <= 13


@pytest.mark.parametrize("piece", [b"4111", b"4 1 ", b"4\x1b[m1 "])
def test_any_length_of_what_waits_is_fed_at_once(engine: Engine, piece: bytes) -> None:
    data = piece * (400_000 // len(piece))
    masker = engine.stream()
    out = masker.feed(data[:10]) + masker.feed(data[10:]) + masker.close()
    assert len(out) == len(data)


def test_held_digits_and_their_separators_are_bounded(engine: Engine) -> None:
    masker = engine.stream()
    given_out = 0
    for fed in range(1, 2001):
        given_out += len(masker.feed(b"1" if fed % 2 else b" "))
        assert fed - given_out <= 13 * 2 + 1


def test_use_after_close(engine: Engine) -> None:
    masker = engine.stream()
    masker.feed(b"4111111111111111")
    assert masker.close() == b"******1111"
    assert masker.close() == b""
    with pytest.raises(BugError):
        masker.feed(b"1")


@pytest.mark.parametrize("before", ["\\u0000", "%00", "\\x00", "\\u0000 0000"])
def test_what_two_readers_read_is_one_finding(engine: Engine, before: str) -> None:
    """Zeros are the end of an escape, or the filling of a field of fixed width."""
    _, findings = cut_everywhere(engine.stream, f"{before}4111111111111111 ".encode())
    assert findings == [Finding("pan", "visa", len(before), 16, "6/4")]


def test_findings_are_taken_once(engine: Engine) -> None:
    masker = engine.stream()
    masker.feed(b"4111111111111111\n")
    expected = Finding(rule="pan", brand="visa", offset=0, length=16, shown="6/4")
    assert masker.take_findings() == [expected]
    assert masker.take_findings() == []


@pytest.mark.parametrize("size", [1, 100, 2000])
def test_nothing_goes_out_after_an_error(engine: Engine, size: int) -> None:
    masker = engine.stream()
    masker.feed(b"4111 1111")

    def fail(*_: object) -> bytes:
        raise BugError("Hyperscan failed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Masker, "_advance", fail)
        with pytest.raises(BugError):
            masker.feed(b"1" * size)
    with pytest.raises(BugError):
        masker.feed(b" ")
    assert masker.close() == b""


def test_what_still_grows_is_reported_at_the_end(engine: Engine) -> None:
    data = b"%B4111111111111111^DOE/JOHN^2712101"
    whole = run(engine, [data])
    assert [finding.rule for finding in whole[1]] == ["pan", "track1"]
    assert run(engine, [bytes([byte]) for byte in data]) == whole
