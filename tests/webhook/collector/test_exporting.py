"""Checkpoints leave for a folder and a real web hook; what fails is tried again, told and never leaked."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_pki import Authority
from ledger_desk import ROOTS, Desk
from web_hook import Hook, hook

from webhook.collector.exporting import (
    CERTIFICATE_HEADER,
    PAUSES,
    ExportError,
    Exporting,
    FileTarget,
    WebTarget,
)
from webhook.ledger.entries import Exported, read_certificate, write_certificate
from webhook.ledger.keys import KeyRing, origin_of

SECRET = "a-token-in-the-path"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "store.db")
    yield desk
    desk.store.close()


@pytest.fixture
def exported(desk: Desk) -> Exported:
    return desk.checkpoints.give_out()


@pytest.fixture
def certificate(desk: Desk) -> str:
    return write_certificate(desk.keys[0].certificate)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    folder = tmp_path / "secret"
    folder.mkdir()
    return folder


@pytest.fixture
def receiver(tmp_path: Path, secret: Path) -> Iterator[Hook]:
    authority = Authority(tmp_path, "hook")
    own = authority.issue("localhost")
    (secret / "ca.crt").write_text(authority.pem)
    (secret / "authorization").write_text("Bearer a-token-in-a-header\n")
    with hook(own.certificate, own.key) as running:
        (secret / "url").write_text(f"https://localhost:{running.port}/{SECRET}?key={SECRET}\n")
        yield running


class Exports:
    """An exporting with a clock, and what it told."""

    def __init__(self, *targets: FileTarget | WebTarget) -> None:
        self.now = 0.0
        self.failed: list[str] = []
        self.recovered: list[str] = []
        self.exporting = Exporting(
            targets, failed=self.failed.append, recovered=self.recovered.append, monotonic=lambda: self.now
        )

    def after(self, seconds: float) -> None:
        self.now += seconds
        self.exporting.deliver()


def test_each_checkpoint_is_a_file_that_never_changes(
    tmp_path: Path, exported: Exported, certificate: str
) -> None:
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    target = FileTarget(folder)
    target.deliver(exported, certificate)
    target.deliver(Exported(9, exported.size, 0, "something else"), "another")
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint-000000000003.certificate",
        "checkpoint-000000000003.txt",
    ]
    assert (folder / "checkpoint-000000000003.txt").read_text() == exported.checkpoint
    ring = KeyRing(origin_of(ROOTS[0]), ROOTS)
    ring.add(read_certificate((folder / "checkpoint-000000000003.certificate").read_text()))
    assert ring.open_checkpoint(exported.checkpoint).size == exported.size


def test_the_body_of_the_web_hook_is_the_signed_checkpoint(
    receiver: Hook, secret: Path, exported: Exported, certificate: str
) -> None:
    WebTarget(secret).deliver(exported, certificate)
    assert receiver.bodies == [exported.checkpoint.encode()]
    [headers] = receiver.headers
    assert headers[CERTIFICATE_HEADER] == certificate
    assert headers["Authorization"] == "Bearer a-token-in-a-header"


def test_what_fails_is_told_once_tried_again_and_never_leaked(
    receiver: Hook, secret: Path, exported: Exported, certificate: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.ERROR, "urllib3")  # as webhook.server.logs has it
    receiver.answers = [503, 500]
    exports = Exports(WebTarget(secret))
    exports.exporting.take(exported, certificate)
    exports.after(0)
    exports.after(PAUSES[0] - 1)
    assert len(receiver.bodies) == 1
    exports.after(1)
    assert len(receiver.bodies) == 2
    assert exports.failed == [
        "checkpoints of the ledger cannot be exported to the web hook for checkpoints: it answered 503"
    ]
    assert exports.recovered == []
    exports.after(PAUSES[1])
    assert len(receiver.bodies) == 3
    assert exports.recovered == [
        "checkpoints of the ledger are exported to the web hook for checkpoints again"
    ]
    exports.after(1000)
    assert len(receiver.bodies) == 3
    assert SECRET not in caplog.text
    assert "a-token" not in caplog.text


def test_one_that_fails_does_not_hold_up_the_other(
    tmp_path: Path, secret: Path, exported: Exported, certificate: str
) -> None:
    (secret / "url").write_text(f"https://127.0.0.1:1/{SECRET}")
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    exports = Exports(WebTarget(secret), FileTarget(folder))
    exports.exporting.take(exported, certificate)
    exports.after(0)
    assert len(list(folder.glob("*.txt"))) == 1
    [failed] = exports.failed
    assert "cannot be reached" in failed
    assert SECRET not in failed


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no https:// address"),
        (f"ftp://host/{SECRET}", "no https:// address"),
        (f"https://[::1/{SECRET}", "no https:// address"),
        (f"http://localhost:1/{SECRET}", "not https://"),
    ],
)
def test_addresses_that_cannot_be_used_are_named_by_what_is_wrong(
    secret: Path, exported: Exported, url: str, why: str
) -> None:
    (secret / "url").write_text(url)
    (secret / "authorization").write_text("Bearer x")
    with pytest.raises(ExportError) as raised:
        WebTarget(secret).deliver(exported, "")
    assert why in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_redirect_is_not_followed(
    receiver: Hook, secret: Path, exported: Exported, certificate: str
) -> None:
    receiver.answers = [302]
    with pytest.raises(ExportError, match="it answered 302"):
        WebTarget(secret).deliver(exported, certificate)


def test_a_full_or_missing_folder_is_a_failure(tmp_path: Path, exported: Exported, certificate: str) -> None:
    with pytest.raises(ExportError, match="No such file"):
        FileTarget(tmp_path / "missing").deliver(exported, certificate)
    (tmp_path / ".checkpoint-000000000003.certificate.part").symlink_to("/dev/full")
    with pytest.raises(ExportError, match="No space left"):
        FileTarget(tmp_path).deliver(exported, certificate)
