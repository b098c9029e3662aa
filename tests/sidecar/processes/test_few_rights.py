"""Root without CAP_KILL, as in many containers: what becomes somebody else is ended and signalled, too."""

import os
import signal
import time
from pathlib import Path

import pytest
from live_recorder import PATIENCE_S, Authority, LiveRecorder
from own_program import Running

from sidecar.contract.events import Ending
from sidecar.contract.grants import Limits

FEW = ("setpriv", "--bounding-set=-all,+setgid,+setuid")
BECOME = ("setpriv", "--reuid=1001", "--regid=1001", "--clear-groups")
STUBBORN = "trap '' HUP TERM; while :; do sleep 1; done"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else is root's to do")


def test_what_it_leaves_behind_ends_with_the_session(shared: LiveRecorder, authority: Authority) -> None:
    become = f"{' '.join(BECOME)} setsid sleep 1000 & echo $!"
    script = f"{become}; until test $(stat -c %u /proc/$!) = 1001; do sleep 0.1; done"
    done = shared.run(authority.grant("sh", "-c", script), before=FEW)
    assert (done.returncode, done.stderr) == (0, b"")
    assert not Path(f"/proc/{int(done.stdout)}").exists()


def test_a_limit_ends_it(shared: LiveRecorder, authority: Authority) -> None:
    limits = Limits(idle_seconds=0, total_seconds=1)
    ticket = authority.grant(*BECOME, "sh", "-c", STUBBORN, limits=limits)
    began = time.monotonic()
    done = shared.run(ticket, before=FEW)
    assert (done.returncode, done.stderr) == (
        137,
        b"chaperone: the limit of 1 s is reached, so this session was ended\n",
    )
    assert time.monotonic() - began < PATIENCE_S
    assert shared.ended_recording(ticket.session).end.how is Ending.TOO_LONG


def test_a_signal_reaches_an_own_program(shared: LiveRecorder, authority: Authority) -> None:
    ticket = authority.application(*BECOME, "sh", "-c", "trap 'exit 9' TERM; echo up; sleep 1000 & wait")
    running = Running(shared, ticket, before=FEW)
    running.wait_for(b"up")
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 9
