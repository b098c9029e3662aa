"""The interpreter, set up so that no review waits long for it."""

import gc
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

_SWITCH_SECONDS: Final = 0.001
"""How long a thread that compiles policies may keep the event loop waiting for the interpreter."""

_STRETCH_SECONDS: Final = 0.0005
"""Processor time after which a builder rests."""
_REST: Final = 3.0
"""How much longer than it worked."""
_MOST_REST_SECONDS: Final = 0.05


def answer_quickly() -> None:
    """Let the event loop have the interpreter soon. Called once, when a server starts."""
    sys.setswitchinterval(_SWITCH_SECONDS)


def settle() -> None:
    """Leave what is there now out of later collections of garbage: it stays."""
    gc.collect()
    gc.freeze()


@contextmanager
def building() -> Generator[Callable[[], None]]:
    """Have a thread build something large that stays, without stopping the event loop for long.

    Gives what to call now and again meanwhile: it rests for as long as others need to have the interpreter
    mostly to themselves. Collections of garbage, which would go over all that is new again and again while
    everything waits, are left out; afterwards they leave out what was built.
    """
    gc.disable()
    try:
        yield Pace()
    finally:
        gc.freeze()
        gc.enable()


class Pace:
    """Rests after each stretch of work."""

    def __init__(self) -> None:
        self._since = time.thread_time()

    def __call__(self) -> None:
        """Rest if it is time."""
        worked = time.thread_time() - self._since
        if worked >= _STRETCH_SECONDS:
            time.sleep(min(worked * _REST, _MOST_REST_SECONDS))
            self._since = time.thread_time()
