"""One session process: hello, grant, record, pump, end. Raw card data exists only here.

Whatever goes wrong, the process ends, and its descriptors with it.
"""

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from sidecar.commands.judging import Judge
from sidecar.contract.errors import CallerError
from sidecar.contract.events import SessionKind, SessionStart
from sidecar.contract.grants import Grant
from sidecar.contract.handshake import HandshakeError, Hello, WindowSize
from sidecar.contract.identifiers import fresh_id
from sidecar.contract.names import VERSION
from sidecar.contract.wire import NoticeKind
from sidecar.masking import Engine, Profile
from sidecar.processes.admission import Admitted, RefusedError, admit
from sidecar.processes.claims import Lock
from sidecar.processes.endpoints import Endpoints
from sidecar.processes.greeting import receive
from sidecar.processes.journal import Journal
from sidecar.processes.own_journal import ContentJournal, PatientJournal
from sidecar.processes.pump import Pump, Renewed
from sidecar.processes.refusal import refuse
from sidecar.processes.reporting import report_refusal
from sidecar.processes.spare import DialledIn
from sidecar.recording.application import Application
from sidecar.recording.argv import masked_argv
from sidecar.recording.deadlines import SECOND
from sidecar.recording.engines import Engines, maskers
from sidecar.recording.lines import Lines
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
    start, renew = _start_event(settings, dialled, admitted, engine), None
    if admitted.lock is not None:
        start = _start_of_application(start, admitted, admitted.lock)
        journal = _own_journal(settings, start, admitted, admitted.lock)
        session = _application(settings, start, endpoints, engine)
        renew = partial(_renewed, settings, start, admitted, admitted.lock)
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
        renew=renew,
    )
    pump.start(start)
    return pump


def _session(
    settings: Settings, admitted: Admitted, judge: Judge, endpoints: Endpoints, engine: Engine
) -> Session:
    grant, tty = admitted.grant, admitted.hello.header.tty
    programs = Programs(
        engine.masks,
        judge,
        must_be_seen=grant.traced,
        session=grant.session,
        namespace=settings.namespace,
        untraced_by=grant.untraced,
    )
    return Session(
        tty=tty,
        limits=grant.limits,
        maskers=maskers(engine, endpoints.sources, tty=tty),
        programs=programs,
        spool_patience=settings.spool_patience_seconds * SECOND,
        lines=_lines(judge, programs, settings, grant) if tty and judge.reads_lines else None,
    )


def _lines(judge: Judge, programs: Programs, settings: Settings, grant: Grant) -> Lines:
    return Lines(judge, programs, session=grant.session, namespace=settings.namespace)


def _application(
    settings: Settings, start: SessionStart, endpoints: Endpoints, engine: Engine
) -> Application:
    return Application(
        tty=start.tty,
        resumed=start.resumed,
        content=start.content,
        session_lasts=settings.own_session_seconds * SECOND,
        maskers=maskers(engine, endpoints.sources, tty=start.tty),
    )


def _own_journal(
    settings: Settings, start: SessionStart, admitted: Admitted, lock: Lock
) -> ContentJournal | PatientJournal:
    if start.content:
        return ContentJournal.open(settings, start.session, admitted.token, lock)
    return PatientJournal(settings, start.session, admitted.token, lock)


def _renewed(
    settings: Settings, first: SessionStart, admitted: Admitted, lock: Lock, size: WindowSize
) -> Renewed:
    """Open the record of the next session of a program that runs on. Raises SpoolError."""
    now = time.time_ns()
    name = fresh_id(now, os.urandom)
    start = msgspec.structs.replace(
        first, session=name, started_at=now, resumed=False, rows=size.rows, cols=size.cols
    )
    journal = _own_journal(settings, start, admitted, lock)
    return journal, msgspec.structs.replace(start, previous=lock.follow(name))


def _start_of_application(start: SessionStart, admitted: Admitted, lock: Lock) -> SessionStart:
    """Give the start of a container's own program: its grant names no session, so that it gets an id here."""
    name = fresh_id(start.started_at, os.urandom)
    return msgspec.structs.replace(
        start,
        session=name,
        kind=SessionKind.MAIN_PROCESS,
        content=admitted.grant.content,
        resumed=admitted.hello.header.resumed,
        previous=lock.follow(name),
    )


def _start_event(settings: Settings, dialled: DialledIn, admitted: Admitted, engine: Engine) -> SessionStart:
    header = admitted.hello.header
    return SessionStart(
        session=admitted.grant.session,
        started_at=time.time_ns() - (time.monotonic_ns() - dialled.accepted_at),
        namespace=settings.namespace,
        pod=settings.pod,
        pod_uid=settings.pod_uid,
        container=admitted.container,
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
