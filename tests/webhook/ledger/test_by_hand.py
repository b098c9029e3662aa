"""What docs/ledger.md says can be done with sha256sum and openssl is done with them."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_samples import Ledger

from webhook.ledger.entries import write_certificate
from webhook.ledger.proofs import inclusion_proof
from webhook.ledger.tree import MemoryTree

DOCUMENT = Path(__file__).parents[3] / "docs/ledger.md"


def run(folder: Path, index: int) -> subprocess.CompletedProcess[str]:
    found = re.search(r"^```bash\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    (folder / "check.sh").write_text(found[1])
    return subprocess.run(
        ["bash", "check.sh"],
        env={**os.environ, "index": str(index)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def ledger() -> Ledger:
    return Ledger().fill()


def write(folder: Path, ledger: Ledger, index: int) -> None:
    tree = MemoryTree(entry.data for entry in ledger.entries)
    proof = inclusion_proof(index, tree.size, tree.nodes)
    (folder / "checkpoint").write_text(ledger.checkpoint)
    (folder / "certificate").write_text(write_certificate(ledger.key.certificate))
    (folder / "root").write_text(ledger.roots[0].hex())
    (folder / "entry").write_bytes(ledger.entries[index].data)
    (folder / "proof").write_text("".join(f"{node.hex()}\n" for node in proof))


@pytest.mark.parametrize("index", [0, 5, 11])
def test_an_entry_of_a_ledger_is_proven(tmp_path: Path, ledger: Ledger, index: int) -> None:
    write(tmp_path, ledger, index)
    done = run(tmp_path, index)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [*["Signature Verified Successfully"] * 2, "holds"]


def test_a_manifest_is_a_signed_note_too(tmp_path: Path, ledger: Ledger) -> None:
    write(tmp_path, ledger, 2)
    (tmp_path / "checkpoint").write_bytes(ledger.entries[2].data)
    assert run(tmp_path, 2).stdout.count("Signature Verified Successfully") == 2


@pytest.mark.parametrize("file", ["checkpoint", "entry", "proof", "root"])
def test_what_was_changed_is_not_proven(tmp_path: Path, ledger: Ledger, file: str) -> None:
    write(tmp_path, ledger, 5)
    other = Ledger(Ed25519PrivateKey.generate()).fill()
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", other, 5)
    (tmp_path / file).write_bytes((tmp_path / "other" / file).read_bytes())
    done = run(tmp_path, 5)
    assert (done.returncode != 0, "holds" in done.stdout) == (True, False)
