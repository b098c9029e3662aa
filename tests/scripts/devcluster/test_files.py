import threading
from pathlib import Path

from devcluster.files import digest_of, digest_tree, locked, write_atomically


def test_a_write_tells_whether_it_changed_anything(tmp_path: Path) -> None:
    path = tmp_path / "new/file"
    assert write_atomically(path, "a", 0o600)
    assert not write_atomically(path, "a")
    assert write_atomically(path, "b", 0o600)
    assert path.read_text() == "b"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["file"]


def test_a_lock_keeps_others_out(tmp_path: Path) -> None:
    order: list[str] = []
    waits = threading.Event()

    def other() -> None:
        with locked(tmp_path / "lock", waits.set):
            order.append("other")

    thread = threading.Thread(target=other)
    with locked(tmp_path / "lock"):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "other"]


def test_where_one_part_ends_matters() -> None:
    assert digest_of([b"ab", b"c"]) != digest_of([b"a", b"bc"])


def test_a_tree_is_its_names_contents_and_execute_bits(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "__pycache__").mkdir(parents=True)
    (tree / "a").write_text("1")
    seen = {digest_tree([tree])}
    (tree / "__pycache__/a.pyc").write_text("left out")
    assert digest_tree([tree]) in seen
    for change in (
        lambda: (tree / "a").write_text("2"),
        lambda: (tree / "a").chmod(0o755),
        lambda: (tree / "a").rename(tree / "b"),
    ):
        change()
        digest = digest_tree([tree])
        assert digest not in seen
        seen.add(digest)
