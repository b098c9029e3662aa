"""What is done to a ledger in OpenSearch, by somebody with all rights there, is found and named."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from ledger_desk import Desk
from ledger_installation import Installation, installation
from opensearch_server import call
from opensearch_tampering import Tamper

from webhook.store import OpenSearchSettings, open_store

pytestmark = pytest.mark.opensearch


@pytest.fixture
def installed(opensearch_settings: OpenSearchSettings, tmp_path: Path) -> Iterator[Installation]:
    with installation(Desk(tmp_path / "unused", open_store(opensearch_settings)), tmp_path) as installed:
        yield installed


@pytest.fixture
def tamper(opensearch_settings: OpenSearchSettings) -> Tamper:
    return Tamper(partial(call, opensearch_settings.url), opensearch_settings.prefix)


def test_a_whole_record_holds(installed: Installation) -> None:
    out = installed.chaperone.out("ledger", "verify")
    assert "Entries       14 (2 census, 2 checkpoint, 4 event, 1 key, 4 manifest, 1 start)" in out
    assert "Sessions      4, as they were sealed, frame by frame" in out


def test_a_changed_manifest_is_named(installed: Installation, tamper: Tamper) -> None:
    session = installed.sessions[1].session
    number = installed.manifest(1)
    tamper.change_block(number, b"Completed", b"Completee")
    assert installed.broken().startswith(f"entry {number} (manifest/{session}): ")


def test_a_removed_manifest_is_named(installed: Installation, tamper: Tamper) -> None:
    number = installed.manifest(1)
    tamper.remove_block(number)
    said = installed.broken()
    assert said == f"entry {number} is missing: the store gives entry {number + 1} in its place"


@pytest.mark.parametrize(
    ("copy", "whose"),
    [
        ({"orchestrator": {"namespace": "another"}}, "namespace payments"),
        ({"user": {"name": "another"}}, "user agent"),
    ],
    ids=["namespace", "user"],
)
def test_a_session_that_is_kept_out_of_a_list_is_named(
    installed: Installation, tamper: Tamper, copy: dict[str, dict[str, str]], whose: str
) -> None:
    tamper.change_session(installed.sessions[1].session, copy)
    assert installed.broken().endswith(f"it is missing from the list of {whose}")


def test_a_damaged_block_is_named(installed: Installation, tamper: Tamper) -> None:
    number = installed.manifest(1)
    tamper.put_block(number, b"no block")
    said = installed.broken()
    assert said == f"entry {number} of the ledger cannot be read: it is damaged or from a newer version"


def test_a_damaged_last_block_is_named(installed: Installation, tamper: Tamper) -> None:
    number = installed.desk.store.ledger().size - 1
    tamper.put_block(number, b"no block")
    assert installed.broken().startswith(f"entry {number} of the ledger cannot be read: ")


def test_a_truncated_ledger_is_found_by_a_kept_checkpoint(
    installed: Installation, tamper: Tamper, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    installed.chaperone.out("ledger", "checkpoint", "-o", str(kept))
    for entry in installed.desk.store.entries(start=7, limit=100):
        tamper.remove_block(entry.index)
    assert installed.broken("--checkpoint", str(kept), "--no-sessions") == (
        f"{kept}: the ledger is truncated: it has 7 entries, and 13 were signed for"
    )
