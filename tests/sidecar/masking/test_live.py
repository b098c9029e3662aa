"""A live view shows stars early and nothing else."""

from __future__ import annotations

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
