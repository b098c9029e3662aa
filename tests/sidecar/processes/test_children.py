"""Forked children, and pausing between failing starts."""

import os
import signal

import pytest

from sidecar.processes.children import FAILED, Backoff, fork, reap


def test_a_child_exits_with_its_result() -> None:
    pid = fork(lambda: 7, "a child")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_a_child_that_raises_tells_where_but_not_what(capfd: pytest.CaptureFixture[str]) -> None:
    def body() -> int:
        raise ValueError("4111111111111111")

    pid = fork(body, "a child")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == FAILED
    log = capfd.readouterr().err
    assert "a child failed: ValueError at children.py" in log
    assert "test_children.py" in log
    assert "4111" not in log


def test_every_ended_child_is_reaped() -> None:
    def wait() -> int:
        signal.pause()
        return 0

    pids = [fork(lambda: 0, "a child"), fork(wait, "a child")]
    os.kill(pids[1], signal.SIGKILL)
    ended: dict[int, int] = {}
    while len(ended) < 2:
        ended.update(reap())
    assert ended == {pids[0]: 0, pids[1]: -signal.SIGKILL}
    assert reap() == []


def test_the_first_failure_costs_no_time() -> None:
    backoff = Backoff()
    assert backoff.seconds_left() == 0
    backoff.failed()
    assert backoff.seconds_left() == 0
    backoff.failed()
    first = backoff.seconds_left()
    backoff.failed()
    assert 0 < first < backoff.seconds_left()
    for _ in range(20):
        backoff.failed()
    assert backoff.seconds_left() <= 15
    backoff.succeeded()
    assert backoff.seconds_left() == 0
