"""A recorder tells when it started, stopped, and that another ended without being told to."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_recorder import CONTAINER, Authority, LiveRecorder, wait_until

from sidecar.contract.names import VERSION
from sidecar.contract.wire import Notice, NoticeKind
from sidecar.processes.life import tell_start, tell_stop
from sidecar.settings import Settings
from sidecar.shipping.notices import MAX_NOTICES, MAX_OWN_NOTICES, NoticeSpool

STARTED = 1_764_000_000_000_000_000
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    named = {
        "CONTAINERS": "app,db",
        "ROOT_KEYS": KEY,
        "POD_UID": "u-1",
        "POD_NAME": "till",
        "POD_NAMESPACE": "payments",
        "NODE_NAME": "node-1",
        "SPOOL": str(tmp_path),
    }
    return Settings({f"CHAPERONE_{name}": value for name, value in named.items()})


@pytest.fixture
def wake() -> int:
    return os.pipe()[1]


def kinds(settings: Settings) -> list[NoticeKind]:
    return [notice.kind for notice in notices(settings)]


def notices(settings: Settings) -> list[Notice]:
    spool = NoticeSpool(Path(settings.spool))
    return sorted(
        (spool.load(name) for name in spool.names()), key=lambda notice: (notice.at, notice.kind.value)
    )


def test_a_start_is_told_once(settings: Settings, wake: int) -> None:
    for _ in range(3):
        tell_start(settings, STARTED, wake)
    (notice,) = notices(settings)
    assert (notice.kind, notice.at) == (NoticeKind.RECORDER_STARTED, STARTED)
    assert notice.reason == f"version {VERSION} serves app, db from now on"


def test_a_start_that_was_told_halfway_is_the_same_notice(settings: Settings, wake: int) -> None:
    tell_start(settings, STARTED, wake)
    (Path(settings.spool) / "running").unlink()
    tell_start(settings, STARTED, wake)
    assert kinds(settings) == [NoticeKind.RECORDER_STARTED]


def test_a_recorder_after_one_that_was_stopped_finds_nothing_wrong(settings: Settings, wake: int) -> None:
    tell_start(settings, STARTED, wake)
    tell_stop(settings, wake)
    tell_start(settings, STARTED + 1, wake)
    assert sorted(kind.value for kind in kinds(settings)) == [
        "recorder-started",
        "recorder-started",
        "recorder-stopped",
    ]


def test_a_recorder_after_one_that_was_not_stopped_says_so(settings: Settings, wake: int) -> None:
    tell_start(settings, STARTED, wake)
    tell_start(settings, STARTED + 1, wake)
    assert kinds(settings) == [
        NoticeKind.RECORDER_STARTED,
        NoticeKind.RECORDER_FAILED,
        NoticeKind.RECORDER_STARTED,
    ]
    assert notices(settings)[1].reason == (
        "the recorder that started at 2025-11-24T16:00:00Z ended without being told to; the next one tells"
    )


def test_refusals_leave_room_for_what_a_recorder_tells_of_itself(settings: Settings, wake: int) -> None:
    spool = NoticeSpool(Path(settings.spool))
    notice = Notice(id="x", at=1, kind=NoticeKind.GRANT_REFUSED)
    tell_start(settings, STARTED, wake)
    names = spool.names()
    folder = Path(settings.spool) / "notices"
    for number in range(MAX_NOTICES - len(names)):
        (folder / f"refusal-{number}").write_bytes((folder / names[0]).read_bytes())
    assert not spool.add(notice)
    tell_stop(settings, wake)
    assert len(spool.names()) == MAX_NOTICES + 1 < MAX_OWN_NOTICES


@pytest.fixture
def recorder(tmp_path: Path, compiled_shim: Path, authority: Authority) -> Iterator[LiveRecorder]:
    """One that has time to tell, and no collector that listens."""
    settings = {"DRAIN_SECONDS": "50", "FAREWELL_SECONDS": "50", "SHIPPER_DRAIN_SECONDS": "0"}
    with LiveRecorder(tmp_path, compiled_shim, authority, settings) as recorder:
        yield recorder


def test_a_real_recorder_tells_of_start_end_and_death(recorder: LiveRecorder) -> None:
    wait_until((recorder.spool / "running").exists)  # written last
    assert CONTAINER in recorder.told(NoticeKind.RECORDER_STARTED)[0].reason
    recorder.kill()
    recorder.start()
    wait_until(lambda: len(recorder.told(NoticeKind.RECORDER_STARTED)) == 2)
    assert len(recorder.told(NoticeKind.RECORDER_FAILED)) == 1
    assert not recorder.told(NoticeKind.RECORDER_STOPPED)
    assert recorder.stop() == 0
    assert len(recorder.told(NoticeKind.RECORDER_STOPPED)) == 1


def test_a_full_spool_of_a_recorder_that_starts_keeps_it_from_nothing(recorder: LiveRecorder) -> None:
    """What cannot be told now is tried again, and holds nothing up."""
    wait_until((recorder.spool / "running").exists)
    recorder.kill()
    folder = recorder.spool / "notices"
    folder.rename(recorder.spool / "aside")
    folder.write_text("in the way")
    recorder.start()
    wait_until(lambda: "closing interrupted sessions failed" in recorder.log())
    folder.unlink()
    wait_until(lambda: recorder.told(NoticeKind.RECORDER_STARTED))
    assert len(recorder.told(NoticeKind.RECORDER_FAILED)) == 1
    assert recorder.stop() == 0
