"""What ``chaperone sessions follow`` and ``kill`` do with a session that goes on."""

import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Final

from sidecar.contract.errors import CallerError
from sidecar.contract.events import Event, decode_event
from sidecar.contract.frames import Frame
from webhook.audit_api.objects import Session
from webhook.cli.access import Access, Opened
from webhook.cli.failures import CliError
from webhook.cli.output import note
from webhook.cli.recording import warn_of_size
from webhook.cli.terminal import follow as follow_in_terminal
from webhook.replay.moments import moments
from webhook.replay.player import shown_text
from webhook.replay.safety import printable

_ASK_SECONDS: Final = 0.5


def follow(access: Access, name: str, *, new: bool, programs: bool) -> None:
    """Show what a session shows until it ends. Raises CliError."""
    opened = access.open()
    session = opened.find(name).session
    warn_of_size(session)
    shown = moments(_events(_frames(opened, session, new=new)))
    follow_in_terminal(shown_text(moment, programs=programs) for moment in shown)
    note(_ending(opened.find(session.metadata.name).session))


def kill(
    access: Access,
    name: str,
    *,
    reason: str,
    wait: float,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Order a session to be ended, and wait until it is. Raises CliError."""
    opened = access.open()
    session = opened.find(name).session
    identifier = session.metadata.name
    opened.audit.kill(session, reason)
    until = monotonic() + wait
    while (session := opened.find(identifier).session).status.phase == "Active":
        if monotonic() >= until:
            place = f"{identifier} -n {session.metadata.namespace}"
            raise CliError(
                f"session {identifier} is ordered to be ended and goes on: its recorder is not connected,"
                f" or has not answered yet\nIt is told once it connects. See: chaperone sessions show {place}"
            )
        sleep(_ASK_SECONDS)
    note(_ending(session))


def _frames(opened: Opened, session: Session, *, new: bool) -> Iterator[Frame]:
    """Give all frames, or the first one, which says what is followed, and those that are new."""
    if not new:
        return opened.audit.follow(session, start=0)
    first = opened.audit.frames(session, limit=1)
    return chain(first, opened.audit.follow(session, start=max(1, session.status.chain.next_sequence)))


def _events(frames: Iterator[Frame]) -> Iterator[Event]:
    for frame in frames:
        try:
            yield decode_event(frame.payload)
        except CallerError:
            raise CliError(f"frame {frame.sequence} cannot be read; is it of another version?") from None


def _ending(session: Session) -> str:
    status = session.status
    code = "" if not isinstance(status.exit_code, int) else f" with {status.exit_code}"
    how = "exited" if status.how == "exited" else status.how or status.phase.lower()
    why = f": {printable(status.reason)}" if status.reason else ""
    return f"Session {session.metadata.name} is over: {how}{code}{why}"
