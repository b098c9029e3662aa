"""Notices on their way to the collector: one small file each, so that none waits for a session."""

from pathlib import Path
from typing import Final

import msgspec

from sidecar.contract.wire import Notice
from sidecar.shipping.layout import NOTICES, write_whole

MAX_NOTICES: Final = 1024
"""Most notices kept: anybody in a container can provoke refusals, and must not fill the disk."""
MAX_OWN_NOTICES: Final = 1280
"""Most when the recorder tells of itself: room that refusals cannot take."""
MAX_NOTICE_BYTES: Final = 64 * 1024
"""Longest notice kept whole; of a longer one the command line is left out."""


class NoticeSpool:
    """The notices below a spool's root. Several processes may add and one may ship."""

    def __init__(self, root: Path) -> None:
        self._directory = root / NOTICES

    def add(self, notice: Notice, *, own: bool = False) -> bool:
        """Keep a notice; False when the spool holds as many as it may and this one is not kept.

        ``own`` says that no container provoked it.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if len(self.names()) >= (MAX_OWN_NOTICES if own else MAX_NOTICES):
            return False
        write_whole(self._directory / notice.id, _bounded(notice))
        return True

    def load(self, identifier: str) -> Notice:
        """Give a notice that is kept."""
        return msgspec.msgpack.decode((self._directory / identifier).read_bytes(), type=Notice)

    def remove(self, identifier: str) -> None:
        """Forget a notice that the collector has made durable."""
        (self._directory / identifier).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Give the ids of the notices kept, oldest first (ids sort by time)."""
        if not self._directory.exists():
            return []
        return sorted(path.name for path in self._directory.iterdir() if not path.suffix)


def _bounded(notice: Notice) -> bytes:
    encoded = msgspec.msgpack.encode(notice)
    if len(encoded) <= MAX_NOTICE_BYTES:
        return encoded
    return msgspec.msgpack.encode(msgspec.structs.replace(notice, argv=("(a very long command line)",)))
