"""A day in the record of a small installation: people, sessions, approvals, failures, and hostile output."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ledger_desk import ROOT, Desk
from ledger_samples import ledger_key
from store_samples import T0, Growing, make_record, start_payload

from sidecar.contract.events import (
    Channel,
    Data,
    End,
    Ending,
    Event,
    Exit,
    Found,
    Program,
    Resize,
    SessionStart,
    encode_event,
)
from sidecar.contract.identifiers import session_id
from sidecar.contract.sealing import Decision, Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.store.contract import Phase, SessionRecord, Store

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
SINCE, UNTIL = T0 + 60 * MINUTE, T0 + 180 * MINUTE
"""The range that tests export; the day begins an hour earlier and ends two hours later."""
AGENT = Identity("agent", "u-1", ("agents", "system:authenticated"), {"example.org/task": ("T-42",)})
BOB = Identity("bob", "u-2", ("devs",))
LEAD = Identity("lead", "u-3", ("leads",))
NASTY = (
    "</script><script>document.title='forged'</script>",
    "<img src=x onerror=\"document.title='forged'\">",
    "\x1b]0;forged title\x07\x1b[31mred\x1b[0m\x1b[2K",
    "\u202egnp.exe\u202c and \u200bnothing\ufeff",
    "nul \x00 bell \x07 c1 \x9b31m del \x7f",
    '"]);alert(1);//',
    "\u2028line\u2029separators",
    '=HYPERLINK("http://x")',
    "tags \U000e0061\U000e0062 and \U0001d173beams",
    "שלום العربية 日本語 e\u0301 👩‍👩‍👧",
)


class EvidenceDesk(Desk):
    """A desk whose clock goes on, and whose events are told as their parts of Chaperone tell them."""

    def __init__(self, path: Path, store: Store | None = None) -> None:
        super().__init__(path, store)
        self._made = 0
        self.keys[:] = [ledger_key(ROOT, until=T0 // SECOND + 24 * 3600)]

    def at(self, minutes: float) -> int:
        """Set the clock to so many minutes after T0, and give the time."""
        self.now = T0 + int(minutes * MINUTE)
        return self.now

    def recorded(
        self,
        minutes: float,
        argv: Sequence[str],
        events: Sequence[Event] = (),
        *,
        who: Identity = AGENT,
        namespace: str = "payments",
        approval: str = "",
        code: int = 0,
        how: Ending = Ending.EXITED,
        tty: bool = False,
        findings: dict[str, int] | None = None,
        sealed: bool = True,
        ended: bool = True,
    ) -> SessionRecord:
        """Keep a session that began then, and its decision; seal it, if it has ended."""
        started = self.at(minutes)
        decision = Decision(
            "approve" if approval else "allow", "pci", "exec", f"r-{self._made}", started, approval or None
        )
        record = make_record(
            session=self._id(started),
            namespace=namespace,
            identity=who,
            argv=tuple(argv),
            tty=tty,
            rows=24 if tty else 0,
            cols=80 if tty else 0,
            decision=decision,
            started_at=started,
            updated_at=started,
        )
        self.tell(
            Kind.DECISION,
            who,
            asked="exec into pod api-7d9c",
            argv=tuple(argv),
            session=record.session,
            action=decision.action,
            approval=approval,
            namespace=namespace,
        )
        last = max((event.at for event in events if not isinstance(event, SessionStart)), default=0)
        found = findings or {}
        end: list[Event] = [Exit(last, code), End(last, how, findings=found)] if ended else []
        whole: list[Event] = [*events, *end]
        size = sum(len(event.data) for event in events if isinstance(event, Data))
        growing = Growing(self.store.create(record))
        payloads = [start_payload(record), *map(encode_event, whole)]
        grown, frames = growing.grow(
            *payloads,
            phase=Phase.COMPLETED if ended else Phase.ACTIVE,
            how=how if ended else None,
            exit_code=code if ended else None,
            ended_at=started + last if ended else None,
            stdout_bytes=size,
            findings=found,
            updated_at=started + last,
        )
        self.store.append(grown, frames, [])
        self.now = started + last
        if sealed:
            self.sealing.seal()
        return grown

    def lost(self, minutes: float, record: SessionRecord) -> SessionRecord:
        """Close a session as lost then, and seal it."""
        gone = {"phase": Phase.INTERRUPTED, "how": Ending.LOST, "reason": "its recorder is silent"}
        return self._changed(minutes, record, (), gone)

    def came_back(
        self, minutes: float, record: SessionRecord, events: Sequence[Event], *, ended: bool
    ) -> SessionRecord:
        """Let the recorder of a session that was lost ship more; seal it once it has ended."""
        at = max((event.at for event in events if not isinstance(event, SessionStart)), default=0)
        phase, how = (Phase.COMPLETED, Ending.EXITED) if ended else (Phase.ACTIVE, None)
        last = (End(at, Ending.EXITED),) if ended else ()
        fields = {
            "phase": phase,
            "how": how,
            "reason": "",
            "ended_at": record.started_at + at if ended else None,
        }
        return self._changed(minutes, record, (*events, *last), fields)

    def _changed(
        self, minutes: float, record: SessionRecord, events: Sequence[Event], fields: dict[str, Any]
    ) -> SessionRecord:
        growing = Growing(record)
        changed, frames = growing.grow(*map(encode_event, events), **fields, updated_at=self.at(minutes))
        self.store.append(changed, frames, [])
        self.sealing.seal()
        return changed

    def tell(
        self, kind: Kind, actor: Identity, outcome: Outcome = Outcome.SUCCESS, **more: Any
    ) -> AuditEvent:
        """Note an event of now, in the store and the ledger; ``at`` says that it happened at another time."""
        namespace, at = more.pop("namespace", "payments"), more.pop("at", self.now)
        where = Where(namespace=namespace, resource="pods/exec", name="api-7d9c")
        fields: dict[str, Any] = {"where": where, "origin": "chaperone-admission-0", "door": "exec"}
        fields |= {"policy": "pci", "rule": "exec", **more}
        event = AuditEvent(id=self._id(at), at=at, kind=kind, outcome=outcome, actor=actor, **fields)
        self.store.record([event], received_at=self.now)
        self.book.note([event])
        return event

    def sign(self, minutes: float) -> None:
        """Sign a checkpoint then."""
        self.at(minutes)
        self.sealing.seal()
        self.checkpoints.give_out()

    def vouch(self, digest: str) -> tuple[str, str]:
        return self.book.vouch(digest)

    def _id(self, at: int) -> str:
        self._made += 1
        return session_id(at // 1_000_000, hashlib.sha256(str(self._made).encode()).digest()[:10])


def said(*texts: str, channel: Channel = Channel.STDOUT, every: int = SECOND) -> list[Event]:
    """Output, a piece each second."""
    return [Data((number + 1) * every, channel, text.encode()) for number, text in enumerate(texts)]


def typed(text: str, *, at: int, echo: str = "") -> list[Event]:
    """A line that is typed at a shell, with its prompt and echo, in one second."""
    start = at * SECOND
    return [
        Data(start, Channel.STDOUT, b"$ "),
        Data(start + SECOND // 4, Channel.STDIN, text.encode()),
        Data(start + SECOND // 4, Channel.STDOUT, (echo or text).encode()),
        Data(start + SECOND // 2, Channel.STDIN, b"\r"),
        Data(start + SECOND // 2, Channel.STDOUT, b"\r\n"),
    ]


def ran(*argv: str, at: int = SECOND // 2) -> Program:
    return Program(at, 7, 1, 0, f"/bin/{argv[0]}", "/", argv)


def day(desk: EvidenceDesk) -> dict[str, SessionRecord]:
    """Fill a desk; give the sessions by a name."""
    itself = Identity("system:serviceaccount:chaperone-system:chaperone-admission")
    desk.at(1)
    in_force = f"pci 3 {'ab' * 32}\nbuilt-in 1 {'cd' * 32}"
    desk.tell(Kind.CONTROL_STARTED, itself, reason="it serves from now on", namespace="chaperone-system")
    desk.tell(
        Kind.POLICY_CHANGED,
        itself,
        reason="these policies decide since the start",
        namespace="",
        details={"policies": "2", "versions": "0" * 64, "in-force": in_force},
    )
    found = {"before": desk.recorded(10, ["true"])}
    for minutes in (20, 40):
        desk.sign(minutes)
    for minutes in (48, 55):
        desk.recorded(minutes, ["date"], said("a day\n"), who=BOB)
        desk.sign(minutes + 1)
    found["cards"] = desk.recorded(
        70,
        ["cat", "/data/orders.csv"],
        [
            ran("cat", "/data/orders.csv"),
            *said("order,card\n", "1001,411111******1111\n"),
            Found(2 * SECOND, Channel.STDOUT, "pan", "visa", 16, 16),
        ],
        findings={"pan/visa": 1},
    )
    found["shell"] = desk.recorded(
        75,
        ["sh"],
        [
            ran("sh"),
            Resize(1, 30, 100),
            *typed("ls -lx\x7fa", echo="ls -lx\b \ba", at=1),
            ran("ls", "-la", at=2 * SECOND),
            Data(2 * SECOND, Channel.STDOUT, b"\x1b[1;34mbin\x1b[0m  data  \x1b[32mrun.sh\x1b[0m\r\n"),
            *typed("psql -c 'select 1'", at=3),
            Data(4 * SECOND, Channel.STDOUT, b"psql: could not connect\r\n"),
            *typed("exit", at=65),
        ],
        tty=True,
    )
    desk.at(80)
    desk.tell(
        Kind.APPROVAL_ASKED,
        AGENT,
        asked="exec psql -c 'drop table t'",
        approval="exec-ab12-1",
        requester="agent",
        action="approve",
    )
    desk.at(82)
    desk.tell(
        Kind.APPROVAL_DECIDED,
        LEAD,
        asked="exec psql -c 'drop table t'",
        approval="exec-ab12-1",
        requester="agent",
        reason="ticket T-42",
        details={"verdict": "approve", "phase": "Approved"},
    )
    found["approved"] = desk.recorded(
        83, ["psql", "-c", "drop table t"], said("DROP TABLE\n"), approval="exec-ab12-1", code=1
    )
    desk.tell(
        Kind.APPROVAL_USED,
        AGENT,
        asked="exec psql -c 'drop table t'",
        approval="exec-ab12-1",
        requester="agent",
        session=found["approved"].session,
    )
    desk.sign(90)
    found["bob"] = desk.recorded(100, ["env"], said("SECRET=of bob\n"), who=BOB, namespace="billing")
    found["nasty"] = desk.recorded(
        110,
        ["echo", *NASTY],
        [ran("echo", *NASTY), *said(*(f"{text}\r\n" for text in NASTY), every=SECOND // 2)],
    )
    desk.at(120)
    desk.tell(
        Kind.DECISION,
        AGENT,
        Outcome.FAILURE,
        asked="exec into pod api-7d9c",
        argv=("rm", "-rf", "/"),
        action="deny",
        reason="a policy forbids it",
    )
    desk.tell(
        Kind.BREAK_GLASS,
        AGENT,
        asked="exec kill 1",
        approval="exec-cd34-1",
        requester="agent",
        reason="the shop is down",
        details={"verdict": "break-glass", "review": "pending"},
    )
    desk.tell(
        Kind.POLICY_CHANGED,
        itself,
        reason="this version decides from now on",
        namespace="",
        details={"generation": "4", "digest": "ef" * 32},
    )
    desk.tell(
        Kind.CONTROL_FAILED,
        itself,
        Outcome.FAILURE,
        reason="the store was gone for 12 s",
        namespace="chaperone-system",
    )
    desk.tell(Kind.DECISION, AGENT, asked="exec sleep 9999", session=desk._id(desk.now), action="allow")
    desk.tell(Kind.RECORD_READ, Identity("auditor"), namespace="payments")
    desk.sign(130)
    found["killed"] = desk.recorded(
        170,
        ["tail", "-f", "log"],
        said(*(f"line {number}\n" for number in range(40)), every=SECOND // 8),
        how=Ending.IDLE,
        code=137,
    )
    for minutes in (175, 190, 200):
        desk.recorded(minutes, ["date"], said("a day\n"), who=BOB)
        desk.sign(minutes + 1)
    found["after"] = desk.recorded(210, ["uptime"], said("up\n"))
    desk.sign(240)
    return found
