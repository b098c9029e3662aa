"""``kubectl cp`` both ways."""

from pathlib import Path

import pytest
from kube import NAMESPACE, Kubectl

CARD = b"4111111111111111"
MASKED = b"411111******1111"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with text, an empty file, a large binary and a deep path."""
    source = tmp_path / "source"
    (source / "deep/er").mkdir(parents=True)
    (source / "text.txt").write_text("hello\n")
    (source / "empty").touch()
    (source / "deep/er/binary").write_bytes(bytes(range(256)) * 20_000)
    return source


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_tree_comes_back_byte_identical(agent_both: Kubectl, app: str, tree: Path, tmp_path: Path) -> None:
    remote = f"{NAMESPACE}/{app}:/tmp/{tmp_path.name}"
    agent_both.run("cp", str(tree), remote)
    agent_both.run("cp", remote, str(tmp_path / "back"))
    assert contents(tmp_path / "back") == contents(tree)


def test_a_card_number_in_a_file_is_masked_on_its_way_out(
    agent_both: Kubectl, app: str, tmp_path: Path
) -> None:
    (tmp_path / "cards.csv").write_bytes(b"name,pan\nalice," + CARD + b"\n")
    remote = f"{NAMESPACE}/{app}:/tmp/{tmp_path.name}.csv"
    agent_both.run("cp", str(tmp_path / "cards.csv"), remote)
    agent_both.run("cp", remote, str(tmp_path / "out.csv"))
    assert (tmp_path / "out.csv").read_bytes() == b"name,pan\nalice," + MASKED + b"\n"
    inside = agent_both.run("exec", "-n", NAMESPACE, app, "--", "wc", "-c", f"/tmp/{tmp_path.name}.csv")
    assert inside.split()[0] == str(len(b"name,pan\nalice," + CARD + b"\n"))
