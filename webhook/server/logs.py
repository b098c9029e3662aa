"""Logs as one JSON object a line. Bodies, tokens, keys and command lines never reach them."""

import datetime as dt
import logging

import msgspec

_encoder = msgspec.json.Encoder()
FIELDS = "fields"
"""Key of ``extra`` whose mapping becomes fields of the line."""


class JsonFormatter(logging.Formatter):
    """Formats a record as JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        moment = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line: dict[str, object] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encoder.encode(line).decode()


def configure(level: str) -> None:
    """Send all logs to standard error in this format. Raises ValueError for an unknown level."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # No line says anything of threads and processes, so they are not looked up.
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    # A malformed request of a stranger is no warning of ours, and urllib3 tells of every retry.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR if level != "DEBUG" else logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
