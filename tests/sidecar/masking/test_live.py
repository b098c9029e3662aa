"""A live view shows stars early and nothing else."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from masking_inputs import EXAMPLES, fragments, run

from sidecar.masking import Engine, LiveView, Profile


def test_stars_stand_for_what_is_held() -> None:
    masker = Engine.load(Profile.STRICT).stream()
    view = LiveView()
    shown = view.feed(masker.feed(b"pan 4111111111"))
    assert shown == b"pan 411111"
    shown += view.silence(masker.held)
    assert shown == b"pan 411111****"
    assert view.silence(masker.held) == b""
    shown += view.feed(masker.feed(b"11"))
    shown += view.silence(masker.held)
    shown += view.feed(masker.feed(b"1111 ok")) + view.feed(masker.close())
    assert shown == b"pan 411111******1111 ok"


def test_what_was_masked_early_is_never_revealed() -> None:
    masker = Engine.load(Profile.STRICT).stream()
    view = LiveView()
    shown = view.feed(masker.feed(b"id 1234567")) + view.silence(masker.held)
    shown += view.feed(masker.feed(b" end")) + view.feed(masker.close())
    assert shown == b"id 123456* end"


@settings(deadline=None, max_examples=EXAMPLES)
@given(data=fragments(), pauses=st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=40))
def test_silence_adds_stars_and_nothing_else(data: bytes, pauses: list[tuple[int, bool]]) -> None:
    """However the input is cut and wherever it pauses: what the masker gives out, or stars in its place."""
    engine = Engine.load(Profile.STRICT)
    recorded, _ = run(engine, [data])
    masker, view = engine.stream(), LiveView()
    shown, at, early = b"", 0, set[int]()
    for size, pause in [*pauses, (len(data) + 1, False)]:
        shown += view.feed(masker.feed(data[at : at + size]))
        at += size
        if pause:
            stars = view.silence(masker.held)
            early |= set(range(len(shown), len(shown) + len(stars)))
            shown += stars
            assert len(shown) == min(at, len(data))
    shown += view.feed(masker.close())
    assert shown == bytes(0x2A if place in early else byte for place, byte in enumerate(recorded))
