"""Command lines as they are recorded."""

from hypothesis import given, settings
from hypothesis import strategies as st
from playbook import loaded_engine

from sidecar.recording.argv import masked_argv

LIMIT = 1000


def masked(*argv: bytes, most_bytes: int = LIMIT) -> tuple[str, ...]:
    return masked_argv(argv, loaded_engine().stream(), most_bytes=most_bytes)


def test_numbers_are_masked_within_and_across_arguments() -> None:
    assert masked(b"pay", b"--card=4111111111111111") == ("pay", "--card=411111******1111")
    assert masked(b"pay", b"4111", b"1111", b"1111", b"1111") == ("pay", "4111", "11**", "****", "1111")


def test_undecodable_bytes_are_replaced() -> None:
    assert masked(b"a\xff", b"", b"b") == ("a\ufffd", "", "b")


def test_what_is_too_long_is_counted() -> None:
    assert masked(b"echo", b"x" * 10, b"y" * 5, most_bytes=10) == ("echo", "… 16 bytes more")


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Nd", "Cs"])), min_size=1))
def test_the_rest_stays_as_it_is(argv: list[str]) -> None:
    encoded = [argument.encode() for argument in argv]
    assert masked(*encoded, most_bytes=100_000) == tuple(argv)
