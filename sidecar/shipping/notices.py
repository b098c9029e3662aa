"""Notices on their way to the collector: one small file each, so that none waits for a session."""

from pathlib import Path
from typing import Final

import msgspec

from sidecar.contract.wire import Notice
from sidecar.shipping.layout import NOTICES, write_whole

MAX_NOTICES: Final = 1024
"""Most notices kept: anybody in a container can provoke refusals, and must not fill the disk."""


class NoticeSpool:
    """The notices below a spool's root. Several processes may add and one may ship."""

    def __init__(self, root: Path) -> None:
        self._directory = root / NOTICES

    def add(self, notice: Notice) -> bool:
        """Keep a notice; False when the spool holds as many as it may and this one is not kept."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(self._names()) >= MAX_NOTICES:
            return False
        write_whole(self._directory / notice.id, msgspec.msgpack.encode(notice))
        return True

    def waiting(self) -> list[Notice]:
        """Give the notices kept, oldest first (ids sort by time)."""
        return [
            msgspec.msgpack.decode((self._directory / name).read_bytes(), type=Notice)
            for name in self._names()
        ]

    def remove(self, identifier: str) -> None:
        """Forget a notice that the collector has made durable."""
        (self._directory / identifier).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        if not self._directory.exists():
            return []
        return sorted(path.name for path in self._directory.iterdir() if not path.suffix)
