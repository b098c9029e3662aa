"""Short ways to write the events of a session."""

from collections.abc import Iterable

import msgspec

from sidecar.contract.events import Channel, Data, SessionStart
from webhook.replay.moments import Kind, Moment

START_TERMINAL = SessionStart(
    session="01m3250v00wtbvtjmefmkeffw2",
    started_at=1_790_000_000_000_000_000,
    namespace="payments",
    pod="api-7d9c",
    pod_uid="2f1c4a52-8a5e-4f3c-9b1e-0d6f8c1f2a3b",
    container="api",
    node="node-1",
    argv=("sh", "-c", "ls"),
    tty=True,
    stdin=True,
    rows=24,
    cols=100,
    grant_digest=b"",
    profile="pan",
    masking="m1",
    recorder="0.1.0",
)
START_PIPES = msgspec.structs.replace(START_TERMINAL, tty=False, rows=0, cols=0)


def at(seconds: float) -> int:
    """Nanoseconds since the start."""
    return int(seconds * 1_000_000_000)


def stdout(data: bytes, seconds: float = 0.0) -> Data:
    return Data(at(seconds), Channel.STDOUT, data)


def stderr(data: bytes, seconds: float = 0.0) -> Data:
    return Data(at(seconds), Channel.STDERR, data)


def stdin(data: bytes, seconds: float = 0.0) -> Data:
    return Data(at(seconds), Channel.STDIN, data)


def shown_text(told: Iterable[Moment]) -> str:
    """What a viewer sees, without times."""
    return "".join(m.text for m in told if m.kind in (Kind.OUTPUT, Kind.ERROR_OUTPUT))
