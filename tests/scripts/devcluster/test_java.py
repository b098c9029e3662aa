from pathlib import Path

import pytest
from devcluster.errors import PrerequisiteError
from devcluster.java import find_java, installations, parse_release


def install(folder: Path, version: str) -> Path:
    home = folder / f"jdk-{version}"
    (home / "bin").mkdir(parents=True)
    (home / "bin/java").write_text("")
    (home / "bin/java").chmod(0o755)
    (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return home


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('JAVA_VERSION="25.0.3"\n', 25),
        ('A="1"\nJAVA_VERSION="1.8.0_402"\n', 8),
        ('JAVA_VERSION="21"\n', 21),
        ("", None),
        ('OTHER="21"\n', None),
    ],
)
def test_a_release_file_states_the_version(text: str, major: int | None) -> None:
    assert parse_release(text) == major


def test_installations_are_seen_in_folders_and_java_home_comes_first(tmp_path: Path) -> None:
    old, new = install(tmp_path, "17.0.15"), install(tmp_path, "25.0.3")
    (tmp_path / "empty").mkdir()
    found = list(installations({"JAVA_HOME": str(new), "PATH": ""}, (tmp_path, tmp_path / "nowhere")))
    assert [(java.home, java.major) for java in found] == [(new, 25), (old, 17), (new, 25)]


def test_the_first_fitting_one_is_taken(tmp_path: Path) -> None:
    home = install(tmp_path, "21.0.1")
    java = find_java(21, 21, purpose="it", environment={"JAVA_HOME": str(home), "PATH": ""})
    assert java.command == home / "bin/java"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    environment = {"JAVA_HOME": str(install(tmp_path, "17.0.15")), "PATH": ""}
    with pytest.raises(PrerequisiteError, match=r"it needs Java 900 to 999 \(found: .*17.*JAVA_HOME"):
        find_java(900, 999, purpose="it", environment=environment)
