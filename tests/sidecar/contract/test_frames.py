import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.contract.errors import CallerError
from sidecar.contract.frames import DIGEST_BYTES, Chain, Frame

payloads = st.lists(st.binary(max_size=20), min_size=1, max_size=8)


@given(payloads)
def test_a_second_chain_accepts_what_the_first_made(items: list[bytes]) -> None:
    made, read = Chain("s"), Chain("s")
    for item in items:
        read.accept(made.append(item))
    assert (read.next_sequence, read.digest) == (len(items), made.digest)


@given(payloads, payloads)
def test_a_chain_goes_on_from_a_kept_state(before: list[bytes], after: list[bytes]) -> None:
    whole, first = Chain("s"), Chain("s")
    for item in before:
        whole.append(item)
        first.append(item)
    resumed = Chain("s", sequence=first.next_sequence, digest=first.digest)
    assert [whole.append(item) for item in after] == [resumed.append(item) for item in after]


@given(payloads, st.data())
def test_no_change_goes_unnoticed(items: list[bytes], data: st.DataObject) -> None:
    made = Chain("s")
    frames = [made.append(item) for item in items]
    index = data.draw(st.integers(0, len(frames) - 1))
    frame = frames[index]
    changed = data.draw(
        st.sampled_from(
            [
                Frame(frame.sequence + 1, frame.digest, frame.payload),
                Frame(frame.sequence, bytes(DIGEST_BYTES), frame.payload),
                Frame(frame.sequence, frame.digest, frame.payload + b"x"),
            ]
        )
    )
    reader = Chain("s")
    for good in frames[:index]:
        reader.accept(good)
    with pytest.raises(CallerError):
        reader.accept(changed)
    reader.accept(frame)


def test_the_first_frame_is_bound_to_its_session() -> None:
    with pytest.raises(CallerError, match="hash chain breaks"):
        Chain("other").accept(Chain("s").append(b"payload"))
