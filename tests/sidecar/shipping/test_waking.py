"""One byte wakes; a full pipe neither blocks nor fails."""

import os

from sidecar.shipping.waking import Waker, drain


def test_waking_never_blocks_and_draining_empties() -> None:
    receiver, sender = os.pipe()
    waker = Waker(sender)
    for _ in range(100_000):
        waker.wake()
    drain(receiver)
    waker.wake()
    assert os.read(receiver, 10) == b"\0"
    drain(receiver)
