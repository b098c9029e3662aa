"""Logs as one JSON object a line. Bodies, tokens, keys and command lines never reach them.

Names do: of users, pods, containers. Whoever chose one may have put card data in it, so lines are masked.
"""

import datetime as dt
import logging
from typing import TYPE_CHECKING, Final, cast

import msgspec

from sidecar.masking import Engine, Profile
from webhook.journal.masked import Mask, masked_text

if TYPE_CHECKING:
    from collections.abc import Sequence

_encoder = msgspec.json.Encoder()
FIELDS: Final = "fields"
"""Key of ``extra`` whose mapping becomes fields of the line."""


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON, masked by ``mask``. Of one handler, which formats one record at a time."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._shown(record.getMessage()),
        }
        fields: dict[str, object] = getattr(record, FIELDS, {})
        line |= {key: self._shown(value) for key, value in fields.items()}
        if record.exc_info:
            line["exception"] = self._shown(self.formatException(record.exc_info))
        return _encoder.encode(line).decode()

    def _shown(self, value: object) -> object:
        match value:
            case str():
                return masked_text(value, self._mask)
            case list() | tuple():
                return [self._shown(item) for item in cast("Sequence[object]", value)]
            case _:
                return value


def configure(level: str) -> None:
    """Send all logs to standard error in this format. Raises ValueError for an unknown level."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(Engine.load(Profile.STRICT).masks()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # No line says anything of threads and processes, so they are not looked up.
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    # A malformed request of a stranger is no warning of ours, and urllib3 tells of every retry.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR if level != "DEBUG" else logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
