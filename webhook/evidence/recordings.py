"""The files of one session: what it was, its events, its asciicast, what the page plays and searches. Pure.

All of them follow from the frames, whose hash chain the manifest ends, and from who asked for what, which the
manifest has digests of. So a verifier makes them again and compares.
"""

import base64
import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.events import (
    Channel,
    Data,
    End,
    Ending,
    Event,
    Found,
    Gap,
    Program,
    Redacted,
    SessionStart,
    Untraced,
    decode_event,
)
from sidecar.contract.frames import Chain, Frame
from webhook.audit_api.objects import duration, rfc3339
from webhook.evidence.selection import started
from webhook.evidence.source import Asked
from webhook.evidence.texts import compact, pretty, script
from webhook.ledger.manifest import Manifest
from webhook.replay.asciicast import CastVersion, CastWriter
from webhook.replay.moments import Kind, missing, moments
from webhook.replay.programs import command_of
from webhook.replay.transcript import transcript
from webhook.replay.typed import TypedLine, TypedLines

PLAYED_BYTES: Final = 16 << 20
"""How much of a recording the page plays and searches; the other files have all of it."""
_LINE: Final = re.compile(
    rb'\{"payload":"([A-Za-z0-9+/=]*)","sequence":([0-9]{1,18}),"digest":"([0-9a-f]{64})",'
)
_CHANNELS: Final = {Kind.OUTPUT: "stdout", Kind.ERROR_OUTPUT: "stderr"}

Frames = Callable[[], Iterator[Frame]]
"""Gives a session's frames from the first on, as often as it is called."""


class Outline(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk through a session's events told that its manifest does not."""

    programs: int = 0
    denied: int = 0
    """Programs that a rule kept from running."""
    untraced: str = ""
    played: bool = True
    """Whether the page plays all of it."""


def folder(session: str) -> str:
    """Give where a session's files are."""
    return f"sessions/{session}"


def facts(manifest: Manifest, entry: int, asked: Asked) -> bytes:
    """Give ``session.json``: the manifest, its place in the ledger, and who asked for what."""
    ended = manifest.ended_at
    return pretty(
        {
            "session": manifest.session,
            "entry": entry,
            "user": asked.identity,
            "command": asked.command,
            "started": rfc3339(started(manifest)),
            "ended": "" if ended is None else rfc3339(ended - manifest.clock_skew),
            "duration": "" if ended is None else duration(max(0, ended - manifest.started_at)),
            "manifest": manifest,
        }
    )


def event_lines(frames: Iterable[Frame]) -> Iterator[bytes]:
    """Give ``events.jsonl``: each frame's payload, which the hash chain is over, and what it says."""
    decoders = {channel: codecs.getincrementaldecoder("utf-8")("replace") for channel in Channel}
    for frame in frames:
        payload = base64.b64encode(frame.payload).decode()
        head = f'{{"payload":"{payload}","sequence":{frame.sequence},"digest":"{frame.digest.hex()}",'
        yield head.encode() + b'"event":' + compact(_told(frame, decoders)) + b"}\n"


def read_frames(lines: Iterable[bytes]) -> Iterator[Frame]:
    """Give the frames of ``events.jsonl``. Raises CallerError."""
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        if found is None:
            raise CallerError(f"line {number + 1} is no event")
        yield Frame(int(found[2]), bytes.fromhex(found[3].decode()), base64.b64decode(found[1]))


def sealed_frames(manifest: Manifest, frames: Iterable[Frame]) -> Iterator[Frame]:
    """Give the frames that a manifest is of: a session that was taken for lost may have gone on since."""
    return islice(frames, manifest.frames if is_lost(manifest) else None)


def is_lost(manifest: Manifest) -> bool:
    """Tell whether a session was taken for lost, so that a later manifest may tell more of it."""
    return manifest.how == Ending.LOST.value


def chained(manifest: Manifest, frames: Iterable[Frame]) -> Iterator[Frame]:
    """Pass on a session's frames, and raise CallerError where they are not those its manifest was made of."""
    chain = Chain(manifest.session)
    for frame in frames:
        chain.accept(frame)
        if frame.sequence == 0 and frame.digest.hex() != manifest.first_digest:
            raise CallerError("frame 0 is another than the first that was sealed")
        yield frame
    if chain.next_sequence != manifest.frames:
        raise CallerError(f"{chain.next_sequence} frames are there, and {manifest.frames} were sealed")
    if chain.digest.hex() != manifest.last_digest:
        raise CallerError("the hash chain ends in another digest than was sealed")


def cast_lines(manifest: Manifest, asked: Asked, frames: Frames) -> Iterator[bytes]:
    """Give the asciicast (version 2), with what was typed."""
    writer = CastWriter(_start(manifest, asked, frames), CastVersion.V2)
    yield writer.header()
    for moment in moments(_events(frames())):
        yield writer.line(moment)


def played(manifest: Manifest, asked: Asked, frames: Frames) -> Iterator[bytes]:
    """Give the script with what the page plays: the asciicast's lines as far as PLAYED_BYTES go."""
    return script("evidence.recording", manifest.session, _bounded(cast_lines(manifest, asked, frames)))


def searched(manifest: Manifest, frames: Frames) -> Iterator[bytes]:
    """Give the script with the lines of text that the page shows beside the player and searches.

    Each is a list: seconds since the start; stdout, stderr, stdin, typed, program or note; and the text.
    """
    return script("evidence.text", manifest.session, _bounded(_texts(frames)))


def outline(manifest: Manifest, asked: Asked, frames: Frames) -> Outline:
    """Walk through a session's events. Raises CallerError when one is none, or the start is another's."""
    programs, denied, untraced, size = 0, 0, "", 0
    for event in _events(frames()):
        match event:
            case SessionStart(session=session, argv=argv):
                if (session, argv) != (manifest.session, asked.command):
                    raise CallerError("its first event tells of another session or command line")
            case Program(denied=by):
                denied += bool(by)
                programs += not by
            case Untraced(reason=reason):
                untraced = reason
            case End(programs=counted):
                programs = max(programs, counted - denied)
            case Data(data=data):
                size += len(data)
            case _:
                pass
    fits = size * 2 < PLAYED_BYTES or sum(map(len, cast_lines(manifest, asked, frames))) <= PLAYED_BYTES
    return Outline(programs=programs, denied=denied, untraced=untraced, played=fits)


def _events(frames: Iterable[Frame]) -> Iterator[Event]:
    return (decode_event(frame.payload) for frame in frames)


def _told(frame: Frame, decoders: Mapping[Channel, codecs.IncrementalDecoder]) -> Any:
    event = decode_event(frame.payload)
    if not isinstance(event, Data):
        return event
    text = decoders[event.channel].decode(event.data)
    return {"type": "data", "at": event.at, "channel": event.channel.value, "text": text}


def _start(manifest: Manifest, asked: Asked, frames: Frames) -> SessionStart:
    first = next(_events(frames()), None)
    if isinstance(first, SessionStart):
        return first
    return SessionStart(
        session=manifest.session,
        started_at=manifest.started_at,
        namespace=manifest.namespace,
        pod=manifest.pod,
        pod_uid=manifest.pod_uid,
        container=manifest.container,
        node=manifest.node,
        argv=asked.command,
        tty=manifest.tty,
        stdin=manifest.stdin,
        rows=0,
        cols=0,
        grant_digest=bytes.fromhex(manifest.grant_digest),
        profile=manifest.profile,
        masking=manifest.masking,
        recorder=manifest.recorder,
    )


def _texts(frames: Frames) -> Iterator[bytes]:
    """Give lines of what was shown, typed and started, in the order in which each was finished."""
    for line in transcript(moments(_events(frames()))):
        yield compact([_seconds(line.at), _CHANNELS[line.kind], line.text])
    typed = _terminal(frames)
    for typed_line in typed_lines(typed, frames):
        yield compact([_seconds(typed_line.at), "typed", typed_line.text])
    for event in _events(frames()):
        match event:
            case Program(at=at):
                yield compact([_seconds(at), "program", command_of(event)])
            case Data(at=at, channel=Channel.STDIN, data=data) if typed is None:
                yield compact([_seconds(at), "stdin", data.decode("utf-8", "replace")])
            case Redacted(at=at):
                yield compact([_seconds(at), "note", "typed without echo: not recorded"])
            case Found(at=at, rule=rule, brand=brand):
                yield compact([_seconds(at), "note", f"masked {rule}/{brand}"])
            case Gap(at=at):
                yield compact([_seconds(at), "note", missing(event)])
            case End(at=at, how=how, reason=reason):
                yield compact(
                    [_seconds(at), "note", f"ended: {how.value}" + (f": {reason}" if reason else "")]
                )
            case _:
                pass


def _terminal(frames: Frames) -> SessionStart | None:
    """Give a session's start when it had a terminal."""
    first = next(_events(frames()), None)
    return first if isinstance(first, SessionStart) and first.tty else None


def typed_lines(start: SessionStart | None, frames: Frames) -> Iterator[TypedLine]:
    """Give the lines that were entered at a session's terminal; none without one."""
    if start is None:
        return
    lines = TypedLines(rows=start.rows, cols=start.cols)
    for moment in moments(_events(frames())):
        yield from lines.feed(moment)


def _bounded(lines: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for line in lines:
        size += len(line)
        if size > PLAYED_BYTES:
            return
        if line:
            yield line


def _seconds(at: int) -> float:
    return round(at / 1e9, 3)
