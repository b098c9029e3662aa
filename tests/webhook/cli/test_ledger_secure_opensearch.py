"""What is done to recordings and ledger in an OpenSearch with TLS, users and roles is found and named.

By its administrator, and by a thief of the collector's own user.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_desk import Desk
from ledger_installation import Installation, installation
from ledger_samples import ledger_key
from opensearch_secure import Secure
from opensearch_tampering import Tamper

from webhook.store import open_store

pytestmark = pytest.mark.opensearch


@pytest.fixture
def installed(secure: Secure, tmp_path: Path) -> Iterator[Installation]:
    """An installation that writes and reads as the collector's user."""
    secure.empty()
    desk = Desk(tmp_path / "unused", open_store(secure.settings("writer")))
    with installation(desk, tmp_path) as installed:
        yield installed


@pytest.fixture
def tamper(secure: Secure) -> Tamper:
    return Tamper(secure.administer, "chaperone")


def test_a_changed_byte_of_a_recording_is_named(installed: Installation, tamper: Tamper) -> None:
    assert "The record holds." in installed.chaperone.out("ledger", "verify")
    victim = installed.sessions[1].session
    tamper.change_frame(victim, 1, b"text", b"texu")
    assert installed.broken() == (
        f"session {victim}, sealed as entry {installed.manifest(1)}: session {victim}:"
        " the hash chain breaks at frame 1"
    )


def test_reordered_frames_are_named(installed: Installation, tamper: Tamper) -> None:
    victim = installed.sessions[2].session
    tamper.swap_frames(victim, 0, 1)
    assert installed.broken().startswith(f"session {victim}, sealed as entry {installed.manifest(2)}: ")
    assert "the hash chain breaks at frame 0" in installed.broken()


def test_a_removed_frame_is_named(installed: Installation, tamper: Tamper) -> None:
    victim = installed.sessions[1].session
    tamper.remove_frame(victim, 1)
    said = installed.broken()
    assert said.startswith(f"session {victim}, sealed as entry {installed.manifest(1)}: ")
    assert said.endswith(f"session {victim}: frame 1 is missing from the store")


def test_a_removed_session_is_named_with_and_without_its_manifest(
    installed: Installation, tamper: Tamper
) -> None:
    number, victim = installed.manifest(1), installed.sessions[1].session
    tamper.remove_session(victim)
    assert installed.broken() == (
        f"session {victim} of namespace payments, sealed as entry {number}: it is missing from the store"
    )
    tamper.remove_block(number)
    assert installed.broken() == f"entry {number} is missing: the store gives entry {number + 1} in its place"


def test_a_truncated_ledger_is_found_by_a_kept_checkpoint(
    installed: Installation, tamper: Tamper, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    installed.chaperone.out("ledger", "checkpoint", "-o", str(kept))
    for entry in installed.desk.store.entries(start=7, limit=100):
        tamper.remove_block(entry.index)
    for session in installed.sessions[2:]:
        tamper.remove_session(session.session)
    assert "The record holds." in installed.chaperone.out("ledger", "verify")
    assert installed.broken("--checkpoint", str(kept)) == (
        f"{kept}: the ledger is truncated: it has 7 entries, and 13 were signed for"
    )


def test_a_foreign_key_is_named(installed: Installation) -> None:
    desk = installed.desk
    desk.keys.append(ledger_key(Ed25519PrivateKey.generate()))
    desk.session(2_000_000)
    desk.sealing.seal()
    assert installed.broken().startswith("entry 14 (key/")
    assert "a ledger key is foreign" in installed.broken()


def test_a_ledger_that_may_not_change_is_not_changed_by_the_collectors_own_user(
    installed: Installation, secure: Secure, tamper: Tamper
) -> None:
    """No right of the plugin's tells creating from overwriting; the setting that docs/store.md names does."""
    number = installed.manifest(1)
    before, path = tamper.block(number), f"/chaperone-ledger/_doc/{number}"
    assert secure.try_as("writer", "PUT", path, {"chaperone": {"block": "AAAA"}}) == 409
    assert secure.try_as("writer", "DELETE", path) == 403
    assert secure.try_as("retention", "DELETE", path) == 403
    assert secure.try_as("retention", "DELETE", "/chaperone-ledger") == 403
    assert tamper.block(number) == before
    assert "The record holds." in installed.chaperone.out("ledger", "verify")
