"""One recorder's WebSocket: reads while the store keeps up, stores, answers, closes."""

import asyncio
import logging
from typing import Final

from fastapi import WebSocket

from sidecar.contract.wire import MAX_MESSAGE_BYTES, ApprovalDecided, Deferred, Refused, encode
from webhook.collector.intake import Intake
from webhook.collector.writer import Budget, Writer
from webhook.store.contract import StoreError

_log = logging.getLogger(__name__)

HELD_BYTES: Final = 2 * MAX_MESSAGE_BYTES
"""A connection is not read while it holds this much."""
GREETING_SECONDS: Final = 10.0

POLICY_VIOLATION: Final = 1008
TRY_AGAIN_LATER: Final = 1013
REPLACED: Final = 4001
"""Close codes: RFC 6455 7.4.1, and one of ours: the same pod has connected again."""
_MAX_REASON: Final = 120
"""RFC 6455 5.5: a close frame holds 125 bytes."""
_MALFORMED: Final = {
    1002: "the recorder breaks the WebSocket protocol",
    1007: "a message holds what its kind does not allow",
    1009: f"a message is larger than {MAX_MESSAGE_BYTES} bytes",
}


class Connection:
    """An accepted connection."""

    def __init__(self, socket: WebSocket, intake: Intake, writer: Writer, budget: Budget) -> None:
        self._socket = socket
        self._intake = intake
        self._writer = writer
        self._budget = budget
        self._held = 0
        self._arrived = asyncio.Event()
        self._stored: asyncio.Event | None = None
        """There while reading is held back: thousands of connections are idle, and an event is not small."""
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._code: int | None = None
        self._reason = ""

    async def run(self) -> None:
        """Serve until either side ends it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [tasks.create_task(self._read()), tasks.create_task(self._keep_storing())]
                await self._over
                for task in running:
                    task.cancel()
        finally:
            await self._budget.give_back(self._held)
        if self._code is not None:
            await self._socket.close(self._code, self._reason[:_MAX_REASON])

    def beat(self) -> None:
        """Have it recorded that the recorder is connected."""
        self._intake.beat()
        self._arrived.set()

    def kill(self, session: str, reason: str) -> None:
        """Have a session ended, if the recorder has it open."""
        self._intake.kill(session, reason)
        self._arrived.set()

    def tell(self, decided: ApprovalDecided) -> None:
        """Have the recorder told what became of an approval, if it has the session open."""
        self._intake.tell(decided)
        self._arrived.set()

    def has_open(self, session: str) -> bool:
        """Tell whether a session goes on, on this connection."""
        return self._intake.has_open(session)

    def replace(self) -> None:
        """Take no more from this connection: its pod has another one."""
        self._intake.retire()
        self._end(REPLACED, "the pod has connected again")

    def _log(self, message: str) -> None:
        pod = self._intake.pod
        _log.warning("recorder of %s/%s: %s", pod.namespace, pod.pod, message)

    def _end(self, code: int | None, reason: str = "") -> None:
        """End the connection; with a code, by closing it from this side."""
        if not self._over.done():
            if reason:
                self._log(f"connection closed: {reason}")
            self._code, self._reason = code, reason
            self._over.set_result(None)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                reading = await self._read_one()
        except TimeoutError:
            self._end(POLICY_VIOLATION, "a recorder says hello first")
            return
        while reading:
            reading = await self._read_one()

    async def _read_one(self) -> bool:
        """Take a message; False when there will be no other."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            await self._disconnected(message["code"])
            return False
        data = message.get("bytes")
        if data is None:
            self._intake.violate("a message is text; all are binary")
        else:
            await self._budget.take(len(data))
            self._held += len(data)
            self._intake.receive(data)
        self._arrived.set()
        while self._held >= HELD_BYTES:
            self._stored = asyncio.Event()
            await self._stored.wait()
        return True

    async def _disconnected(self, code: int) -> None:
        if code in _MALFORMED:
            self._intake.violate(_MALFORMED[code])
            await self._store()
        self._end(None)

    async def _keep_storing(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            held = self._held
            if not await self._store():
                return
            for answer in self._intake.take_answers():
                if isinstance(answer, Refused | Deferred):
                    self._log(f"session {answer.session}: {answer.reason}")
                await self._socket.send_bytes(encode(answer))
            if self._intake.violation is not None:
                self._end(POLICY_VIOLATION, self._intake.violation.reason)
            self._held -= held
            await self._budget.give_back(held)
            if self._stored is not None:
                self._stored.set()
                self._stored = None

    async def _store(self) -> bool:
        """Do all that the intake asks for; False, and the end, when the store cannot."""
        try:
            while operations := self._intake.take_operations():
                self._intake.apply(await self._writer.perform(operations))
        except StoreError as error:
            self._log(str(error))
            self._end(TRY_AGAIN_LATER, "nothing can be stored now")
            return False
        return True
