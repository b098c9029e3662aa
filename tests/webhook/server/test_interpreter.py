"""The interpreter while something large is built beside the event loop."""

import asyncio
import gc
import time

import pytest

from webhook.server.interpreter import Pace, building


def test_a_pace_rests_after_work_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    monkeypatch.setattr("webhook.server.interpreter.time.sleep", rests.append)
    pace = Pace()
    for _ in range(100):
        pace()
    assert rests == []
    used = time.thread_time()
    while time.thread_time() - used < 0.005:
        pass
    pace()
    [rest] = rests
    assert rest >= 0.01


def test_what_was_built_is_left_out_of_collections() -> None:
    before = gc.get_freeze_count()
    try:
        with building():
            assert not gc.isenabled()
            kept: list[list[int]] = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()


def test_the_event_loop_goes_on_while_a_thread_builds() -> None:
    def build() -> None:
        pace, until = Pace(), time.thread_time() + 0.12
        while time.thread_time() < until:
            sum(range(1000))
            pace()

    async def ticks() -> int:
        building, count = asyncio.create_task(asyncio.to_thread(build)), 0
        while not building.done():
            await asyncio.sleep(0.001)
            count += 1
        return count

    assert asyncio.run(ticks()) > 20
