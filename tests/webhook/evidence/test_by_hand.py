"""What docs/evidence.md says can be done with sha256sum and openssl is done with them."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from evidence_bundles import files
from ledger_desk import ROOTS

from webhook.store.contract import SessionRecord

Sessions = dict[str, SessionRecord]
DOCUMENT = Path(__file__).parents[3] / "docs/evidence.md"


def run(folder: Path, session: str, *, unsigned: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the document's commands; ``unsigned`` leaves out the signature over the digests."""
    found = re.search(r"^```bash\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    commands = found[1]
    if unsigned:
        commands = commands.replace("note SHA256SUMS.sig\nsigned key.der text signature\n", "")
        assert commands != found[1]
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"root=../root session={session}\n{commands}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def folder(whole: bytes, tmp_path: Path) -> Path:
    place = tmp_path / "bundle"
    for name, data in files(whole).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    (tmp_path / "root").write_text(ROOTS[0].hex())
    return place


def test_a_session_is_proven(folder: Path, sessions: Sessions) -> None:
    for name in ("cards", "killed"):
        done = run(folder, sessions[name].session)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("Signature Verified Successfully") == 3


def resum(folder: Path) -> None:
    """Make the digests right again, as a forger would."""
    done = subprocess.run(
        "cut -c 67- SHA256SUMS | xargs sha256sum > new && mv new SHA256SUMS"
        ' && sed -i "2s/.*/$(sha256sum < SHA256SUMS | cut -c 1-64)/" SHA256SUMS.sig',
        shell=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0


CHANGES: dict[str, Callable[[str], str]] = {
    "ledger/checkpoint": lambda text: text.replace("\n52\n", "\n53\n"),
    "ledger/entries.jsonl": lambda text: text.replace('"proof":["', '"proof":["00', 40),
    "index.html": lambda text: text.replace("Evidence", "Evidense"),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_was_changed_is_not_proven(folder: Path, sessions: Sessions, name: str) -> None:
    path = folder / name
    changed = CHANGES[name](path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    assert run(folder, sessions["cards"].session).returncode != 0
    resum(folder)
    assert run(folder, sessions["cards"].session).returncode != 0


def test_a_changed_event_breaks_the_chain(folder: Path, sessions: Sessions) -> None:
    session = sessions["cards"].session
    path = folder / f"sessions/{session}/events.jsonl"
    first, second, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([second, first, *rest]))
    resum(folder)
    done = run(folder, session, unsigned=True)
    assert done.returncode != 0
    path.write_text("".join([first, second, *rest]))
    resum(folder)
    assert run(folder, session, unsigned=True).returncode == 0
