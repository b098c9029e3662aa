"""What the user sees while something takes its time."""

import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO


class Step:
    """One step under way; `note` says how far it is."""

    def __init__(self) -> None:
        self.note = ""
        self.result = ""


class Progress:
    """Prints one line per step with its elapsed time; a long step shows that it lives."""

    def __init__(self, stream: TextIO = sys.stderr, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._live = stream.isatty()

    @contextmanager
    def step(self, title: str) -> Generator[Step]:
        """Time a step; its line is printed when it ends, or while it runs on a terminal."""
        step, begin, ended = Step(), self._clock(), threading.Event()
        ticker = threading.Thread(target=self._tick, args=(title, step, begin, ended), daemon=True)
        ticker.start()
        mark = "✗"
        try:
            yield step
            mark = "✓"
        finally:
            ended.set()
            ticker.join()
            self._line(f"{mark} {title}{' ' + step.result if step.result else ''}", begin, final=True)

    def _tick(self, title: str, step: Step, begin: float, ended: threading.Event) -> None:
        while not ended.wait(0.5 if self._live else 30):
            self._line(f"… {title}{' ' + step.note if step.note else ''}", begin, final=False)

    def _line(self, text: str, begin: float, *, final: bool) -> None:
        elapsed = f"{self._clock() - begin:7.1f} s  "
        if self._live:
            self._stream.write(f"\r\x1b[K{elapsed}{text}" + ("\n" if final else ""))
        else:
            self._stream.write(f"{elapsed}{text}\n")
        self._stream.flush()
