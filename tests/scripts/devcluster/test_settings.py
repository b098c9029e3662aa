from pathlib import Path

import pytest
from devcluster.errors import UsageError
from devcluster.settings import Settings, load_settings, parse_name, parse_version


def settings(name: str = "dev", state: str = "/state") -> Settings:
    return Settings(name, Path(state), Path("/cache"), Path("/tree"))


@pytest.mark.parametrize("name", ["dev", "a", "t-1", "x" * 20])
def test_names_of_clusters(name: str) -> None:
    assert parse_name(name) == name


@pytest.mark.parametrize("name", ["", "Dev", "-a", "a-", "x" * 21, "a.b", "../etc", "a b", "dev\n"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="bad cluster name"):
        parse_name(name)


@pytest.mark.parametrize(("text", "version"), [("1.37.2", "1.37.2"), ("v1.34.4", "1.34.4")])
def test_versions(text: str, version: str) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["1.37", "2.1.0", "1.37.2-rc.1", "latest", ""])
def test_other_versions_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="bad Kubernetes version"):
        parse_version(text)


def test_an_interface_name_fits_the_kernel() -> None:
    assert len(settings("x" * 20).interface) <= 15


def test_clusters_of_one_name_in_two_state_folders_share_nothing() -> None:
    one, two = settings(state="/one"), settings(state="/two")
    assert one.ident != two.ident
    assert one.interface != two.interface


def test_folders_come_from_the_environment() -> None:
    given = load_settings("dev", {"HOME": "/home/a", "CHAPERONE_CACHE": "/big"}, Path("/tree"))
    assert given.state == Path("/home/a/.local/state/chaperone/dev")
    assert given.cache == Path("/big")
    assert load_settings("dev", {"HOME": "/h", "CHAPERONE_STATE": "/s"}, Path("/")).state == Path("/s/dev")
