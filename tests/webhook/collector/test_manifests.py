"""A manifest says of a session what its record says, and where it has a gap."""

import hashlib
import json

import pytest
from store_samples import T0, make_record

from sidecar.contract.events import Ending
from webhook.collector.manifests import is_over, manifest_of
from webhook.ledger.manifest import Gap
from webhook.store.contract import Phase

FIRST = bytes(range(32))


def test_a_manifest_holds_the_sessions_numbers() -> None:
    record = make_record(
        phase=Phase.COMPLETED,
        how=Ending.EXITED,
        exit_code=3,
        ended_at=T0 + 9,
        next_sequence=5,
        stdin_bytes=1,
        stdout_bytes=2,
        stderr_bytes=3,
        findings={"pan/visa": 2},
        clock_skew=-7,
    )
    manifest = manifest_of(record, FIRST, sealed_at=T0 + 10)
    assert (manifest.session, manifest.user, manifest.pod) == (record.session, "agent", "api-7d9c")
    assert (manifest.phase, manifest.how, manifest.exit_code) == ("Completed", "exited", 3)
    assert (manifest.started_at, manifest.ended_at, manifest.sealed_at) == (T0, T0 + 9, T0 + 10)
    assert (manifest.frames, manifest.first_digest) == (5, FIRST.hex())
    assert (manifest.last_digest, manifest.grant_digest) == (record.digest.hex(), record.grant_digest.hex())
    assert (manifest.stdin_bytes, manifest.stdout_bytes, manifest.stderr_bytes) == (1, 2, 3)
    assert (manifest.findings, manifest.clock_skew, manifest.gaps) == ({"pan/visa": 2}, -7, ())
    assert (manifest.masking, manifest.recorder) == ("m1", "0.1.0")


def test_command_line_and_identity_are_referred_to_by_digests_that_anybody_can_make() -> None:
    record = make_record(argv=("echo", "ü", 'a"b'))
    manifest = manifest_of(record, b"", sealed_at=T0)
    text = json.dumps(["echo", "ü", 'a"b'], ensure_ascii=False, separators=(",", ":"))
    assert manifest.argv_digest == hashlib.sha256(text.encode()).hexdigest()
    identity = {
        "username": "agent",
        "uid": "u-1",
        "groups": ["devs", "system:authenticated"],
        "extra": {"example.org/team": ["a", "b"]},
    }
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    assert manifest.identity_digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("how", "frames", "gap"), [(Ending.INTERRUPTED, 7, Gap(5, "why")), (None, 7, Gap(6, "why"))]
)
def test_an_interrupted_session_states_its_gap(how: Ending | None, frames: int, gap: Gap) -> None:
    record = make_record(phase=Phase.INTERRUPTED, how=how, reason="why", next_sequence=frames)
    assert is_over(record)
    manifest = manifest_of(record, FIRST, sealed_at=T0)
    assert (manifest.gaps, manifest.how) == ((gap,), how.value if how else "")


def test_a_running_session_is_not_over() -> None:
    assert not is_over(make_record())
