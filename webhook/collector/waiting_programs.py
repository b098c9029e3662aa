"""Programs that wait for people in the sessions of this collector's connections."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from sidecar.contract.errors import ChaperoneError
from sidecar.contract.wire import ApprovalDecided
from webhook.approvals.programs import WaitingProgram

_log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 1.0
_MOST: Final = 1_000
"""Programs that wait here at a time; further ones do not run."""

Ask = Callable[[WaitingProgram], ApprovalDecided | None]
"""Asks people, and gives what they have decided, None while they have not. Blocks; raises ChaperoneError."""


class WaitingPrograms:
    """Has people asked, and hears what they decide. Used on one event loop.

    Nothing is kept: a recorder that connects again says what waits, and a request is found by its name.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._waiting: dict[str, WaitingProgram] = {}
        self._news = asyncio.Event()

    def add(self, program: WaitingProgram) -> ApprovalDecided | None:
        """Take a program that waits; give the refusal where too many do."""
        if len(self._waiting) >= _MOST and program.wanted.approval not in self._waiting:
            return program.decided(refused=f"{_MOST} programs wait for approvals already")
        self._waiting[program.wanted.approval] = program
        self._news.set()
        return None

    async def work(self, tell: Callable[[ApprovalDecided], None], lives: Callable[[str], bool]) -> None:
        """Look after what waits for ever: ``tell`` takes decisions, ``lives`` says whether a session does."""
        while True:
            await self._news.wait()
            self._news.clear()
            for name, program in list(self._waiting.items()):
                if not lives(program.grant.session):
                    del self._waiting[name]
                elif (decided := await asyncio.to_thread(self._try, program)) is not None:
                    del self._waiting[name]
                    tell(decided)
            if self._waiting:
                self._news.set()
                await asyncio.sleep(LOOK_SECONDS)

    def _try(self, program: WaitingProgram) -> ApprovalDecided | None:
        try:
            return self._ask(program)
        except ChaperoneError as error:
            _log.warning("approval %s cannot be asked for now: %s", program.wanted.approval, error)
            return None
