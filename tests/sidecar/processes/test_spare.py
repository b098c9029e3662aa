"""A process that waits for its session."""

import os
import socket
from collections.abc import Callable, Iterator

import pytest

from sidecar.processes.spare import DialledIn, Spare, await_dial_in

NOTHING_TO_SERVE = 9


@pytest.fixture
def lifeline() -> Iterator[tuple[int, int]]:
    """Both ends; the one to write to is the recorder's life."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def spare_body(lifeline: tuple[int, int]) -> Callable[[socket.socket], int]:
    def body(parent: socket.socket) -> int:
        os.close(lifeline[1])
        dialled = await_dial_in(parent, lifeline[0])
        if dialled is None:
            return NOTHING_TO_SERVE
        dialled.connection.send(f"{dialled.container} at {dialled.accepted_at}".encode())
        return int(dialled.reports_refusal)

    return body


def exit_code(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("reports", [True, False])
def test_it_serves_the_dial_in_it_is_given(lifeline: tuple[int, int], reports: bool) -> None:
    shim, connection = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    spare = Spare(spare_body(lifeline))
    with shim, connection:
        assert spare.give(DialledIn(connection, "app", 12345, reports_refusal=reports))
        assert shim.recv(100) == b"app at 12345"
    assert exit_code(spare.pid) == int(reports)


def test_it_ends_with_its_parent(lifeline: tuple[int, int]) -> None:
    spare = Spare(spare_body(lifeline))
    spare.forget()
    assert exit_code(spare.pid) == NOTHING_TO_SERVE


def test_it_ends_with_the_recorder() -> None:
    reader, writer = os.pipe()
    spare = Spare(spare_body((reader, writer)))
    os.close(writer)
    assert exit_code(spare.pid) == NOTHING_TO_SERVE
    os.close(reader)
    spare.forget()


def test_a_dead_one_says_so(lifeline: tuple[int, int]) -> None:
    spare = Spare(spare_body(lifeline))
    os.kill(spare.pid, 9)
    exit_code(spare.pid)
    shim, connection = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with shim, connection:
        assert not spare.give(DialledIn(connection, "app", 1, reports_refusal=True))
