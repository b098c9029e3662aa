"""What is done to a ledger in OpenSearch, by somebody with all rights there, is found and named."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ledger_desk import Desk
from ledger_installation import Installation, installation
from opensearch_server import call

from webhook.store import OpenSearchSettings, open_store

pytestmark = pytest.mark.opensearch


@dataclass
class Blocks:
    """The ledger's documents, each under the number of its first entry; a manifest has one of its own."""

    settings: OpenSearchSettings
    installed: Installation

    @property
    def _index(self) -> str:
        return f"/{self.settings.prefix}-ledger"

    def holding(self, key: str) -> int:
        """The number of the document with an entry."""
        entry = self.installed.desk.store.entry(key)
        assert entry is not None
        return entry.index

    def change(self, number: int, old: bytes, new: bytes) -> None:
        """Change bytes of a document's block."""
        found: Any = call(self.settings.url, "GET", f"{self._index}/_doc/{number}")
        block = base64.b64decode(found["_source"]["chaperone"]["block"])
        assert old in block
        self.put(number, block.replace(old, new))

    def put(self, number: int, block: bytes) -> None:
        body = {"doc": {"chaperone": {"block": base64.b64encode(block).decode()}}}
        call(self.settings.url, "POST", f"{self._index}/_update/{number}?refresh=true", body)

    def remove(self, number: int) -> None:
        call(self.settings.url, "DELETE", f"{self._index}/_doc/{number}?refresh=true")


@pytest.fixture
def blocks(opensearch_settings: OpenSearchSettings, tmp_path: Path) -> Iterator[Blocks]:
    with installation(Desk(tmp_path / "unused", open_store(opensearch_settings)), tmp_path) as installed:
        yield Blocks(opensearch_settings, installed)


def test_a_whole_record_holds(blocks: Blocks) -> None:
    out = blocks.installed.chaperone.out("ledger", "verify")
    assert "Entries       14 (2 census, 2 checkpoint, 4 event, 1 key, 4 manifest, 1 start)" in out
    assert "Sessions      4, as they were sealed, frame by frame" in out


def test_a_changed_manifest_is_named(blocks: Blocks) -> None:
    session = blocks.installed.sessions[1].session
    number = blocks.holding(f"manifest/{session}")
    blocks.change(number, b"Completed", b"Completee")
    assert blocks.installed.broken().startswith(f"entry {number} (manifest/{session}): ")


def test_a_removed_manifest_is_named(blocks: Blocks) -> None:
    number = blocks.holding(f"manifest/{blocks.installed.sessions[1].session}")
    blocks.remove(number)
    said = blocks.installed.broken()
    assert said == f"entry {number} is missing: the store gives entry {number + 1} in its place"


def test_a_damaged_block_is_named(blocks: Blocks) -> None:
    number = blocks.holding(f"manifest/{blocks.installed.sessions[1].session}")
    blocks.put(number, b"no block")
    said = blocks.installed.broken()
    assert said == f"entry {number} of the ledger cannot be read: it is damaged or from a newer version"


def test_a_damaged_last_block_is_named(blocks: Blocks) -> None:
    number = blocks.installed.desk.store.ledger().size - 1
    blocks.put(number, b"no block")
    assert blocks.installed.broken().startswith(f"entry {number} of the ledger cannot be read: ")


def test_a_truncated_ledger_is_found_by_a_kept_checkpoint(blocks: Blocks, tmp_path: Path) -> None:
    installed, kept = blocks.installed, tmp_path / "kept.txt"
    installed.chaperone.out("ledger", "checkpoint", "-o", str(kept))
    for entry in installed.desk.store.entries(start=7, limit=100):
        call(
            blocks.settings.url, "DELETE", f"/{blocks.settings.prefix}-ledger/_doc/{entry.index}?refresh=true"
        )
    assert installed.broken("--checkpoint", str(kept), "--no-sessions") == (
        f"{kept}: the ledger is truncated: it has 7 entries, and 13 were signed for"
    )
