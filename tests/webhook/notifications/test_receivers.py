"""Receivers come out of a mounted Secret, and their URLs never out of the object."""

from pathlib import Path

import pytest

from sidecar.contract.errors import ConfigurationError
from webhook.notifications.receivers import MOST, Url, read_receivers

SECRET = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"


def mount(directory: Path, **values: bytes) -> Path:
    """Write as the kubelet does: links to files in a hidden directory."""
    data = directory / "..2026"
    data.mkdir()
    (directory / "..data").symlink_to(data.name)
    for name, value in values.items():
        (data / name).write_bytes(value)
        (directory / name).symlink_to(f"..data/{name}")
    return directory


def test_every_key_is_a_receiver(tmp_path: Path) -> None:
    found = read_receivers(mount(tmp_path, chat=f"{SECRET}\n".encode(), mail=b"mailto://a:b@c.example"))
    assert {name: url.reveal() for name, url in found.items()} == {
        "chat": SECRET,
        "mail": "mailto://a:b@c.example",
    }


def test_without_a_secret_there_are_none(tmp_path: Path) -> None:
    assert read_receivers(tmp_path / "nothing") == {}


def test_a_url_is_not_shown() -> None:
    url = Url(SECRET)
    assert SECRET not in f"{url!r} {url} {[url]} {vars(url) if hasattr(url, '__dict__') else ''}"
    assert url == Url(SECRET) != Url("other")


@pytest.mark.parametrize("value", [b"", b"\xff\xfe", f"{SECRET}\nslack://other".encode()])
def test_what_is_no_url_is_refused_by_name_and_not_shown(tmp_path: Path, value: bytes) -> None:
    with pytest.raises(ConfigurationError, match="receiver chat must hold one URL") as raised:
        read_receivers(mount(tmp_path, chat=value))
    assert "slack" not in str(raised.value)


def test_there_is_a_bound(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at most 32"):
        read_receivers(mount(tmp_path, **{f"r{number}": b"json://x" for number in range(MOST + 1)}))
