"""Long-lived tasks."""

import asyncio

import pytest

from sidecar.contract.errors import ClusterError
from webhook.server.tasks import Tasks

pytestmark = pytest.mark.anyio


async def test_work_is_tried_again_after_an_expected_error(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    done, failed = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ClusterError("away")
        done.set()

    tasks = Tasks(failed.set)
    tasks.repeat("work", work, seconds=0)
    await done.wait()
    await tasks.stop()
    assert not failed.is_set()
    assert "work: away" in caplog.text


async def test_a_bug_ends_the_server(caplog: pytest.LogCaptureFixture) -> None:
    failed = asyncio.Event()

    async def work() -> None:
        raise ZeroDivisionError

    tasks = Tasks(failed.set)
    tasks.repeat("work", work, seconds=0)
    await failed.wait()
    await tasks.stop()
    assert "task work failed" in caplog.text


async def test_stopping_ends_what_never_ends() -> None:
    failed = asyncio.Event()
    tasks = Tasks(failed.set)
    tasks.start("sleep", asyncio.sleep(3600))
    await asyncio.sleep(0)
    await tasks.stop()
    assert not failed.is_set()
