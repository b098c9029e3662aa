import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.errors import CallerError
from sidecar.contract.sealing import Decision, Identity, Sealed, seal, unseal

KEY, OTHER, NONCE = bytes(32), bytes([1]) * 32, bytes(12)
CONTENT = Sealed(
    Identity("agent", "u1", ("agents",), {"scopes": ("a", "b")}),
    Decision("allow", "built-in", "record", "r1", 1_800_000_000_000_000_000),
)


def test_opens_with_the_key_it_was_sealed_with_among_others() -> None:
    assert unseal((OTHER, KEY), "s1", seal(KEY, "s1", CONTENT, nonce=NONCE)) == CONTENT


def test_does_not_show_the_identity() -> None:
    assert b"agent" not in seal(KEY, "s1", CONTENT, nonce=NONCE)


@pytest.mark.parametrize(("keys", "session"), [((OTHER,), "s1"), ((), "s1"), ((KEY,), "s2")])
def test_refuses_another_key_or_session(keys: tuple[bytes, ...], session: str) -> None:
    with pytest.raises(CallerError, match="cannot be opened"):
        unseal(keys, session, seal(KEY, "s1", CONTENT, nonce=NONCE))


@given(st.binary(max_size=200))
def test_garbage_is_a_caller_error(garbage: bytes) -> None:
    with pytest.raises(CallerError):
        unseal((KEY,), "s1", garbage)
