"""Grants are used once."""

import os
from pathlib import Path

from sidecar.processes.claims import KEPT_SECONDS, claim, forget_old, lock


def test_the_first_claim_wins(tmp_path: Path) -> None:
    assert claim(tmp_path, "01")
    assert not claim(tmp_path, "01")
    assert claim(tmp_path, "02")


def test_claims_are_kept_as_long_as_they_matter(tmp_path: Path) -> None:
    claim(tmp_path, "old")
    claim(tmp_path, "young")
    os.utime(tmp_path / "used" / "old", (0, 1000))
    os.utime(tmp_path / "used" / "young", (0, 1001))
    forget_old(tmp_path, 1000.5 + KEPT_SECONDS)
    assert claim(tmp_path, "old")
    assert not claim(tmp_path, "young")


def test_there_may_be_none(tmp_path: Path) -> None:
    forget_old(tmp_path, 0)


def test_one_at_a_time_holds_a_lock(tmp_path: Path) -> None:
    held = lock(tmp_path, "app")
    assert held is not None
    assert lock(tmp_path, "app") is None
    other = lock(tmp_path, "side")
    held.release()
    again = lock(tmp_path, "app")
    assert other is not None
    assert again is not None
    other.release()
    again.release()
