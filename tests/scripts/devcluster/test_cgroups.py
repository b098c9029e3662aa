from pathlib import Path

import pytest
from devcluster import cgroups


def v1(mount: Path) -> Path:
    for name in ("cpu", "cpuset"):
        (mount / name).mkdir(parents=True)
        (mount / name / "cgroup.procs").write_text("")
    (mount / "cpuset/cpuset.cpus").write_text("0-1\n")
    (mount / "cpuset/cpuset.mems").write_text("0\n")
    (mount / "cpu,cpuacct").symlink_to("cpu")
    return mount


def test_the_hierarchies_of_both_versions(tmp_path: Path) -> None:
    one, two = v1(tmp_path / "one"), tmp_path / "two"
    assert [path.name for path in cgroups.hierarchies(one)] == ["cpu", "cpuset"]
    two.mkdir()
    (two / "cgroup.controllers").write_text("cpu memory\n")
    assert cgroups.hierarchies(two) == [two]


def test_groups_are_removed_from_the_inside(tmp_path: Path) -> None:
    mount = v1(tmp_path)
    for path in ("cpu/x/kubepods/pod1/c1", "cpuset/x/kubepods"):
        (mount / path).mkdir(parents=True)
    cgroups.remove_cgroups("x", mount)
    cgroups.remove_cgroups("x", mount)
    assert not (mount / "cpu/x").exists()
    assert (mount / "cpu").is_dir()


def test_a_busy_group_is_an_error(tmp_path: Path) -> None:
    mount = v1(tmp_path)
    (mount / "cpu/x").mkdir()
    (mount / "cpu/x/held").write_text("")
    with pytest.raises(cgroups.NotReadyError, match="still busy"):
        cgroups.remove_cgroups("x", mount, timeout=0.1)
