"""The audit event of an answer: PCI DSS 10.2.1.4, 10.2.1.5, 10.2.1.7 and 10.2.2. Pure.

Nothing is masked here: the journal does that (``webhook/journal/masked.py``).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from webhook.admission.pods import Metadata
from webhook.admission.questions import ConnectOptions, SessionOptions, door_of, proxied_path, resource_of
from webhook.admission.review import Answer, MalformedReviewError, Noted, Request, decode_object
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.journal.making import Stamp
from webhook.policy.builtin import NAME as BUILTIN
from webhook.policy.decision import Decision, Judgement

ADVICE: Final = frozenset({"Remedy", "ApprovalRequest", "ApproveCommand", "WaitCommand", "BreakGlassCommand"})
"""Causes that say what to do, not why."""
_ALWAYS_TOLD: Final = frozenset({"guardpolicies"})
"""Doors whose every answer is an event, whether or not policies were asked."""
_NEVER_TOLD: Final = frozenset({"injection", "debugging"})
"""Doors that decide nothing: only what they refuse is an event."""
_UNRECORDED: Final = frozenset({"connections", "attach", "ephemeralcontainers"})
"""Doors whose every decision is an event: nothing else tells of what they let through."""
_OWN_KNOWN: Final = frozenset({"objects", "connections"})
"""Doors at which everything in Chaperone's own namespace is a matter of Chaperone itself."""
_SESSIONS: Final = frozenset({"exec", "attach"})
_INTO_CONTAINERS: Final = _SESSIONS | {"ephemeralcontainers"}
_CONNECTIONS: Final = frozenset({"portforward", "proxy"})
_MOST_ARGV_BYTES: Final = 16 * 1024
_MOST_PATH: Final = 4096
_VERBS: Final = {"CREATE": "creation of", "UPDATE": "change of", "DELETE": "removal of", "CONNECT": "use of"}
_ENTRIES: Final = {"exec": "exec into", "attach": "attach to", "ephemeralcontainers": "debug container in"}


class _Object(msgspec.Struct, frozen=True):
    metadata: Metadata = Metadata()


_options = msgspec.json.Decoder(SessionOptions)
_connections = msgspec.json.Decoder(ConnectOptions | None)
_objects = msgspec.json.Decoder(_Object | None)


def is_told(name: str, answer: Answer) -> bool:
    """Tell whether an answer of a door is an event: refusals, sessions, and what a policy's rule is about."""
    decision = answer.decision
    return (
        answer.denial is not None
        or bool(answer.noted.session)
        or name in _ALWAYS_TOLD
        or (decision is not None and _is_decided(name, decision))
    )


def _is_decided(name: str, decision: Decision) -> bool:
    return name not in _NEVER_TOLD and (name in _UNRECORDED or _is_telling(decision))


def _is_telling(decision: Decision) -> bool:
    return decision.policy != BUILTIN or decision.would is not None


def decision_event(stamp: Stamp, name: str, request: Request, answer: Answer, *, own: str) -> AuditEvent:
    """Give the event of one answer of the door with this name; ``own`` is Chaperone's namespace."""
    decision, noted = answer.decision, answer.noted
    session = _session(request)
    argv, container = session.command or noted.argv, noted.container or session.container or ""
    object_name = _name(request)
    return AuditEvent(
        id=stamp.id,
        at=stamp.at,
        origin=stamp.origin,
        kind=_kind(name, answer),
        outcome=Outcome.SUCCESS if answer.allowed else Outcome.FAILURE,
        actor=request.user_info.known(),
        where=Where(
            namespace=request.namespace,
            resource=resource_of(request),
            name=object_name,
            uid=noted.uid,
            container=container,
        ),
        door=_door(name, request, own),
        operation=request.operation.value,
        asked=_asked(request, object_name, container),
        argv=tuple(_bounded(argv)),
        action=decision.action.value if decision else "",
        policy=decision.policy if decision else "",
        rule=_rule(answer),
        would=_judged(decision.would) if decision and decision.would else "",
        reason=_reason(answer),
        approval=noted.approval or _waited_for(answer),
        session=noted.session,
        request=request.uid,
        dry_run=bool(request.dry_run),
        details=_terms(answer, request, session) | _reached(noted) | _connection(request),
    )


def _terms(answer: Answer, request: Request, session: SessionOptions) -> dict[str, str]:
    """Give what else is to be known.

    That the glass was broken, a terminal or input asked for, that nothing records what may happen now.
    """
    decision, noted = answer.decision, answer.noted
    is_recorded = bool(noted.session) or noted.recorded
    told = {
        "break_glass": bool(decision and decision.break_glass),
        "tty": session.tty or noted.tty,
        "stdin": session.stdin or noted.stdin,
        "recorded": answer.allowed and noted.recorded,
        "unrecorded": answer.allowed and request.sub_resource in _INTO_CONTAINERS and not is_recorded,
    }
    return {name: "true" for name, holds in told.items() if holds}


def _reached(noted: Noted) -> dict[str, str]:
    """Give which other containers' processes are seen from an ephemeral one, and what makes it privileged."""
    told = {"reaches": ",".join(noted.reaches), "privileges": ",".join(noted.privileges)}
    return {name: text for name, text in told.items() if text}


def _connection(request: Request) -> dict[str, str]:
    """Give where a connection leads."""
    details: dict[str, str] = {}
    if request.sub_resource not in _CONNECTIONS:
        return details
    try:
        options = decode_object(request.object, _connections) or ConnectOptions()
    except MalformedReviewError:
        return details
    if options.ports:
        details["ports"] = ",".join(map(str, options.ports))
    if options.path:
        details["path"] = proxied_path(options.path)[:_MOST_PATH]
    return details


def _kind(name: str, answer: Answer) -> Kind:
    return Kind.POLICY_REFUSED if name == "guardpolicies" and answer.denial else Kind.DECISION


def _door(name: str, request: Request, own: str) -> str:
    """Give the door that policies were asked about."""
    door = door_of(request, own if name in _OWN_KNOWN else "")
    return door.value if door else name


def _name(request: Request) -> str:
    """Give the object's name, or the beginning of one that the API server completes."""
    if request.name or request.sub_resource:
        return request.name
    try:
        metadata = (decode_object(request.object, _objects) or _Object()).metadata
    except MalformedReviewError:
        return ""
    return metadata.name or (f"{metadata.generate_name}*" if metadata.generate_name else "")


def _asked(request: Request, name: str, container: str) -> str:
    """Give what was asked, in one line."""
    place = f"{request.namespace}/{name}" if request.namespace else name
    if request.sub_resource in _INTO_CONTAINERS:
        inside = f", container {container}" if container else ""
        return f"{_ENTRIES[request.sub_resource]} pod {place}{inside}"
    return f"{_VERBS[request.operation.value]} {resource_of(request)} {place}"


def _session(request: Request) -> SessionOptions:
    """Give what a session was asked for with."""
    if request.sub_resource not in _SESSIONS:
        return SessionOptions()
    try:
        return decode_object(request.object, _options)
    except MalformedReviewError:
        return SessionOptions()


def _bounded(argv: Sequence[str]) -> list[str]:
    left, kept = _MOST_ARGV_BYTES, list[str]()
    for argument in argv:
        left -= len(argument)
        if left < 0:
            return [*kept, f"… {len(argv) - len(kept)} arguments more"]
        kept.append(argument)
    return kept


def _reason(answer: Answer) -> str:
    denial = answer.denial
    if denial is not None:
        causes = [cause.message for cause in denial.causes if cause.reason not in ADVICE]
        return "; ".join(causes) or denial.message
    return answer.decision.reason if answer.decision else ""


def _rule(answer: Answer) -> str:
    """Give the rule that decided: a policy's, or the door's own as it stands in the refusal."""
    decision, denial = answer.decision, answer.denial
    refused = denial is not None and (decision is None or not decision.action.refuses)
    if refused and denial is not None and denial.causes:
        return denial.causes[0].reason
    return decision.rule if decision else ""


def _judged(would: Judgement) -> str:
    return f"{would.action.value} by {would.policy}/{would.rule}"


def _waited_for(answer: Answer) -> str:
    """Give the name of the approval request that a refusal speaks of."""
    causes = answer.denial.causes if answer.denial else ()
    named = next((cause.message for cause in causes if cause.reason == "ApprovalRequest"), "")
    return named.rpartition("/")[2]
