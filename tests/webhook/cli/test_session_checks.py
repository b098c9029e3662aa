"""Frames of a session beside the manifests made of them, of one that was taken for lost above all."""

import msgspec
from ledger_samples import make_manifest
from recorded import Authority

from sidecar.contract.frames import Chain, Frame
from webhook.cli.session_checks import broken_frame
from webhook.ledger.manifest import Manifest


def frames_of(session: str, count: int) -> list[Frame]:
    chain = Chain(session)
    return [chain.append(b"frame %d" % number) for number in range(count)]


def manifest(session: str, frames: list[Frame]) -> Manifest:
    return msgspec.structs.replace(
        make_manifest(),
        session=session,
        frames=len(frames),
        first_digest=frames[0].digest.hex(),
        last_digest=frames[-1].digest.hex(),
    )


def test_a_session_that_went_on_agrees_with_both_manifests() -> None:
    session = Authority().session().session
    frames = frames_of(session, 5)
    lost, last = manifest(session, frames[:2]), manifest(session, frames)
    assert broken_frame(session, frames, last=last, former=[lost]) == ""
    assert broken_frame(session, frames[:3], last=None, former=[lost]) == ""


def test_what_was_sealed_when_it_was_lost_cannot_change_or_shrink() -> None:
    session = Authority().session().session
    frames = frames_of(session, 5)
    other = msgspec.structs.replace(manifest(session, frames[:2]), last_digest="00" * 32)
    assert "frame 1 is another than was sealed" in broken_frame(session, frames, last=None, former=[other])
    assert broken_frame(session, frames[:1], last=None, former=[manifest(session, frames[:2])]) == (
        "1 frames are kept, and 2 were sealed"
    )
    assert broken_frame(session, frames[:4], last=manifest(session, frames)) == (
        "4 frames are kept, and 5 were sealed"
    )
