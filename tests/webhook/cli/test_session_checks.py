"""Frames of a session beside the manifests made of them, of one that was taken for lost above all."""

from typing import Any

import msgspec
import pytest
from ledger_samples import make_manifest
from recorded import Authority
from store_samples import T0, make_record

from sidecar.contract.events import Ending
from sidecar.contract.frames import Chain, Frame
from sidecar.contract.sealing import Identity
from webhook.audit_api.conversion import session_object
from webhook.cli.session_checks import broken_frame, difference
from webhook.collector.manifests import manifest_of
from webhook.ledger.manifest import Manifest
from webhook.store.contract import Phase


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


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"identity": Identity("somebody-else")}, "user"),
        ({"argv": ("true",)}, "command line"),
        ({"pod": "another"}, "pod"),
        ({"started_at": T0 + 10**9}, "start"),
        ({"recorder": "9.9"}, "recorder"),
    ],
    ids=["nothing", "user", "command line", "pod", "start", "recorder"],
)
def test_of_a_session_that_goes_on_what_was_known_at_its_start_is_compared(
    changed: dict[str, Any], told: str
) -> None:
    record = make_record(phase=Phase.INTERRUPTED, how=Ending.LOST, reason="its recorder is silent")
    manifest = manifest_of(record, b"", sealed_at=T0)
    more: dict[str, Any] = {"phase": Phase.ACTIVE, "how": None, "reason": "", "stdout_bytes": 5, **changed}
    session = session_object(msgspec.structs.replace(record, **more))
    assert difference(manifest, session, goes_on=True) == told
    assert difference(manifest, session) == (told or "phase")
