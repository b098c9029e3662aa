"""A recorder, its shipper and a collector, all real processes, from the shim to the store."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import live_recorder
from collector_server import ADMISSION, ADMISSION_TOKEN, TOKEN, CollectorServer
from live_recorder import POD_UID, LiveRecorder
from recorded import SEALED
from recorded import Authority as Keys
from shipper_process import until

from sidecar.contract.events import Data, Event, decode_event
from sidecar.contract.frames import Chain
from sidecar.contract.sealing import seal
from sidecar.contract.wire import INTAKE_PATH
from webhook.collector.proving import PodIdentity
from webhook.store.contract import SessionRecord

POD = PodIdentity("payments", "till", POD_UID)


class WholePath:
    """Both sides in a folder. ``port`` is where the recorder finds the collector, if not at its own."""

    def __init__(
        self,
        folder: Path,
        shim: Path,
        settings: dict[str, str] | None = None,
        *,
        port: Callable[[int], int] = lambda port: port,
    ) -> None:
        keys = Keys()
        self.folder = folder
        self.collector = CollectorServer(folder, keys, pods={TOKEN: POD, ADMISSION_TOKEN: ADMISSION})
        self.authority = live_recorder.Authority(
            keys.root,
            keys.key,
            lambda session: seal(keys.seal_key, session, SEALED, nonce=os.urandom(12)),
        )
        (folder / "token").write_text(TOKEN)
        self.recorder = LiveRecorder(
            folder,
            shim,
            self.authority,
            {
                "COLLECTOR": f"wss://localhost:{port(self.collector.port)}{INTAKE_PATH}",
                "CA": self.collector.ca,
                **(settings or {}),
            },
        )
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.collector.start()
        self._stack.callback(self.collector.kill)
        self._stack.enter_context(self.recorder)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def record(self, session: str) -> SessionRecord | None:
        """What the store has of a session."""
        store = self.collector.store
        try:
            return store.session(session)
        finally:
            store.close()

    def ended(self, session: str, *, seconds: float = 60.0) -> SessionRecord:
        """Wait until a session has ended in the store."""
        until(lambda: (found := self.record(session)) is not None and found.how is not None, seconds=seconds)
        found = self.record(session)
        assert found is not None
        return found

    def events(self, session: str) -> list[Event]:
        """The events in the store, whose chain must hold."""
        store = self.collector.store
        record = store.session(session)
        frames = store.frames(session, start=0, limit=1_000_000)
        store.close()
        chain = Chain(session)
        for frame in frames:
            chain.accept(frame)
        assert record is not None
        assert (chain.next_sequence, chain.digest) == (record.next_sequence, record.digest)
        return [decode_event(frame.payload) for frame in frames]

    def output(self, session: str) -> bytes:
        """What the store says was shown."""
        return b"".join(event.data for event in self.events(session) if isinstance(event, Data))
