"""One session process: hello, grant, record, pump, end. Raw card data exists only here.

Whatever goes wrong, the process ends, and its descriptors with it.
"""

import time
from dataclasses import dataclass
from typing import Final

from sidecar.commands.judging import Judge
from sidecar.contract.errors import CallerError
from sidecar.contract.events import SessionStart
from sidecar.contract.handshake import HandshakeError, Hello
from sidecar.contract.names import VERSION
from sidecar.contract.wire import NoticeKind
from sidecar.masking import Engine, Profile
from sidecar.processes.admission import Admitted, RefusedError, admit
from sidecar.processes.endpoints import Endpoints
from sidecar.processes.greeting import receive
from sidecar.processes.journal import Journal
from sidecar.processes.pump import Pump
from sidecar.processes.refusal import refuse
from sidecar.processes.reporting import report_refusal
from sidecar.processes.spare import DialledIn
from sidecar.processes.unrecorded import Unrecorded
from sidecar.recording.application import Application
from sidecar.recording.argv import masked_argv
from sidecar.recording.deadlines import SECOND
from sidecar.recording.engines import Engines, maskers
from sidecar.recording.programs import Programs
from sidecar.recording.session import Session
from sidecar.settings import Settings
from sidecar.shipping.spool import SpoolError
from sidecar.shipping.waking import Waker

ENDED: Final = 0
REFUSED: Final = 3
"""Exit status of a session process that refused its dial-in and reported it."""
UNFINISHED: Final = 4
"""Exit status of a session process that left a record to recover."""
_MOST_ARGV_BYTES: Final = 128 * 1024
_MOST_REPORTED_BYTES: Final = 4 * 1024


@dataclass(frozen=True)
class Surroundings:
    """What every session process inherits."""

    settings: Settings
    engines: Engines
    lifeline: int
    wake: int


def run(surroundings: Surroundings, dialled: DialledIn) -> int:
    """Serve one dial-in from hello to end; give the exit status."""
    try:
        greeting = receive(dialled.connection, surroundings.settings.hello_seconds)
    except HandshakeError as error:
        refuse(dialled.connection, str(error))
        return ENDED
    try:
        pump = _open(surroundings, dialled, greeting.hello, greeting.descriptors)
    except RefusedError as refused:
        return _refuse(surroundings, dialled, greeting.hello, refused)
    except SpoolError as error:
        refuse(dialled.connection, str(error))
        return UNFINISHED
    pump.run()
    return ENDED if pump.complete else UNFINISHED


def _open(surroundings: Surroundings, dialled: DialledIn, hello: Hello, descriptors: tuple[int, ...]) -> Pump:
    settings = surroundings.settings
    admitted = admit(hello, dialled.container, settings, now=int(time.time()))
    try:
        endpoints = Endpoints(hello.header, descriptors)
        engine = surroundings.engines.named(admitted.grant.profile, admitted.grant.rules)
        judge = Judge(admitted.grant.commands)
    except CallerError as error:
        raise RefusedError(str(error), NoticeKind.GRANT_REFUSED, admitted.grant.session) from None
    session: Session | Application
    if admitted.lock is not None:
        journal = Unrecorded(admitted.lock)
        session = _application(hello, endpoints, engine)
    else:
        journal = Journal.begin(settings, admitted.grant, admitted.token)
        session = _session(settings, admitted, judge, endpoints, engine)
    pump = Pump(
        session,
        endpoints,
        journal,
        dialled.connection,
        lifeline=surroundings.lifeline,
        waker=Waker(surroundings.wake),
        started=dialled.accepted_at,
    )
    pump.start(_start_event(settings, dialled, admitted, engine))
    return pump


def _session(
    settings: Settings, admitted: Admitted, judge: Judge, endpoints: Endpoints, engine: Engine
) -> Session:
    grant, tty = admitted.grant, admitted.hello.header.tty
    return Session(
        tty=tty,
        limits=grant.limits,
        maskers=maskers(engine, endpoints.sources, tty=tty),
        programs=Programs(
            engine.masks,
            judge,
            must_be_seen=grant.traced,
            session=grant.session,
            namespace=settings.namespace,
        ),
        spool_patience=settings.spool_patience_seconds * SECOND,
    )


def _application(hello: Hello, endpoints: Endpoints, engine: Engine) -> Application:
    header = hello.header
    return Application(
        tty=header.tty,
        columns=header.size.cols,
        resumed=header.resumed,
        maskers=maskers(engine, endpoints.sources, tty=header.tty),
    )


def _start_event(settings: Settings, dialled: DialledIn, admitted: Admitted, engine: Engine) -> SessionStart:
    header = admitted.hello.header
    return SessionStart(
        session=admitted.grant.session,
        started_at=time.time_ns() - (time.monotonic_ns() - dialled.accepted_at),
        namespace=settings.namespace,
        pod=settings.pod,
        pod_uid=settings.pod_uid,
        container=dialled.container,
        node=settings.node,
        argv=masked_argv(admitted.hello.argv, engine.stream(), most_bytes=_MOST_ARGV_BYTES),
        tty=header.tty,
        stdin=header.tty or header.stdin,
        rows=header.size.rows,
        cols=header.size.cols,
        grant_digest=admitted.grant_digest,
        profile=admitted.grant.profile,
        masking=engine.version,
        recorder=VERSION,
    )


def _refuse(surroundings: Surroundings, dialled: DialledIn, hello: Hello, refused: RefusedError) -> int:
    refuse(dialled.connection, refused.reason)
    if not dialled.reports_refusal:
        return ENDED
    masker = surroundings.engines.named(Profile.STRICT.value).stream()
    argv = masked_argv(hello.argv, masker, most_bytes=_MOST_REPORTED_BYTES)
    report_refusal(surroundings.settings, Waker(surroundings.wake), refused, dialled.container, argv)
    return REFUSED
