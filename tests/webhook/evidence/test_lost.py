"""A session that was taken for lost and went on, in bundles proven up to between its manifests, or later."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence_bundles import bundle, check, files, selected, write
from evidence_by_hand import by_hand, unpacked
from evidence_desk import SECOND, EvidenceDesk, said
from ledger_desk import ROOTS

from sidecar.contract.events import Channel, Data


class Lost:
    """It begins at 160 minutes, is lost at 170, the range ends at 180, and at 220 its recorder comes back."""

    def __init__(self, path: Path) -> None:
        self.desk = EvidenceDesk(path)
        for minutes in (20, 40, 55):
            self.desk.recorded(minutes, ["date"])
            self.desk.sign(minutes + 1)
        begun = self.desk.recorded(160, ["tail"], said("one\n", "two\n"), ended=False)
        self.record = self.desk.lost(170, begun)
        for minutes in (185, 190, 200):
            self.desk.recorded(minutes, ["date"])
            self.desk.sign(minutes + 1)

    @property
    def session(self) -> str:
        return self.record.session

    def comes_back(self, minutes: float, text: str, *, ended: bool) -> None:
        at = int((minutes - 160) * 60) * SECOND
        more = Data(at, Channel.STDOUT, text.encode())
        self.record = self.desk.came_back(minutes, self.record, [more], ended=ended)

    def row(self, data: bytes) -> tuple[str, int, str]:
        [row] = [
            row for row in json.loads(files(data)["record/sessions.json"]) if row["session"] == self.session
        ]
        return row["how"], row["gaps"], row["phase"]

    def cast(self, data: bytes) -> str:
        return files(data)[f"sessions/{self.session}/session.cast"].decode()


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Lost]:
    lost = Lost(tmp_path / "store.db")
    yield lost
    lost.desk.store.close()


def test_what_was_known_then_is_shown_whenever_it_is_exported(lost: Lost) -> None:
    before = bundle(lost.desk)
    assert lost.row(before) == ("lost", 1, "Interrupted")
    assert (check(before).lost, check(before).sessions, check(before).unsealed) == (1, 1, 0)
    lost.comes_back(220, "three\n", ended=False)
    assert bundle(lost.desk) == before
    lost.comes_back(221, "four\n", ended=True)
    lost.desk.sign(222)
    assert bundle(lost.desk) == before
    assert "two" in lost.cast(before)
    assert "three" not in lost.cast(before)


def test_a_later_checkpoint_shows_all_of_it(lost: Lost, tmp_path: Path) -> None:
    lost.comes_back(220, "three\n", ended=True)
    lost.desk.sign(222)
    newest = lost.desk.store.latest_entry("checkpoint")
    assert newest is not None
    later = bundle(lost.desk, size=int(newest.key.partition("/")[2]))
    assert lost.row(later) == ("exited", 0, "Completed")
    assert (check(later).lost, check(later).sessions) == (0, 1)
    assert "three" in lost.cast(later)
    done = by_hand(unpacked(later, tmp_path, ROOTS[0]), lost.session)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["holds"]), done.stderr


def test_a_frame_that_is_gone_is_still_named(lost: Lost) -> None:
    lost.comes_back(220, "three\n", ended=False)
    lost.desk.tamper("DELETE FROM frames WHERE id & 255 = 2")
    written = write(lost.desk, selected(user="agent"), io.BytesIO())
    assert written.problems[0].startswith(f"session {lost.session}, sealed as entry ")
    assert "expected frame 2, received 3" in written.problems[0]
