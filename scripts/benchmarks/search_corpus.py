"""A year of sessions, output and audit events to search in, made up, with words as frequent as in life."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import msgspec
from store_samples import T0, Growing, make_record

from sidecar.contract.identifiers import session_id
from sidecar.contract.sealing import Decision, Identity
from webhook.journal.events import AuditEvent, Kind, Outcome, Where
from webhook.store.contract import Passage, Phase
from webhook.store.filling import Whole

YEAR_MS = 365 * 24 * 3600 * 1000
NAMESPACES = ("payments", "billing", "shop", "ledger", "fraud")
USERS = tuple(f"system:serviceaccount:agents:agent-{number:02d}" for number in range(50))
KINDS = (
    Kind.DECISION,
    Kind.DECISION,
    Kind.DECISION,
    Kind.RECORD_READ,
    Kind.APPROVAL_ASKED,
    Kind.APPROVAL_USED,
)
WORDS = 20_000
WORDS_EACH = 24
COMMON = "w0"
"""In about every second text."""
LOCAL = "settlement"
"""In every text of one namespace and in none of another."""


@dataclass(frozen=True)
class Corpus:
    """How much there is; the same numbers always give the same corpus."""

    sessions: int
    passages: int
    events: int

    def recorded(self) -> Iterator[Whole]:
        """Give each session."""
        chance = random.Random(7)
        texts = Texts(chance)
        each = self.passages // self.sessions
        for number in range(self.sessions):
            offset = number * YEAR_MS // self.sessions
            namespace, user = chance.choice(NAMESPACES), chance.choice(USERS)
            decision = Decision("allow", "pci-dss", "sessions", f"r-{number}", T0)
            if number % 50 == 0:
                decision = msgspec.structs.replace(decision, approval=f"exec-{number:010d}")
            growing = Growing(
                make_record(
                    offset,
                    session=session_id(T0 // 1_000_000 + offset, chance.randbytes(10)),
                    namespace=namespace,
                    identity=Identity(user, f"u-{user[-2:]}", ("agents",)),
                    pod=f"{namespace}-{number % 400}",
                    argv=("sh", "-c", texts.line(4)),
                    decision=decision,
                )
            )
            began = growing.record
            passages: list[Passage] = []
            for place in range(each):
                local = LOCAL if namespace == "billing" else ""
                growing.grow(b"frame")
                text = f"{texts.line(WORDS_EACH)} {local} order{number * each + place}"
                passages.append(growing.says(text, at=place * 1_000_000_000))
            findings = {"pan/visa": 2} if number % 40 == 0 else {}
            exit_code = 0 if number % 20 else 137 if number % 400 == 0 else 1
            ended, _ = growing.grow(
                b"end",
                phase=Phase.COMPLETED if number % 1000 else Phase.INTERRUPTED,
                exit_code=exit_code,
                findings=findings,
                ended_at=growing.record.started_at + each * 1_000_000_000,
            )
            yield Whole(began, ended, growing.made, passages)

    def told(self) -> Iterator[AuditEvent]:
        """Give each audit event, oldest first."""
        chance = random.Random(8)
        texts = Texts(chance)
        for number in range(self.events):
            at = T0 + number * (YEAR_MS * 1_000_000 // self.events)
            kind = chance.choice(KINDS) if number % 5000 else Kind.POLICY_CHANGED
            namespace = chance.choice(NAMESPACES)
            yield AuditEvent(
                id=session_id(at // 1_000_000, chance.randbytes(10)),
                at=at,
                kind=kind,
                outcome=Outcome.SUCCESS if number % 10 else Outcome.FAILURE,
                actor=Identity(chance.choice(USERS)),
                origin="chaperone-admission-0",
                where=Where(namespace=namespace, resource="pods/exec", name=f"{namespace}-{number % 400}"),
                asked=f"exec into pod {namespace} {texts.line(6)} request{number}",
                argv=("psql", "-c", "select") if kind is Kind.DECISION else (),
                policy="pci-dss",
                rule="sessions",
                approval=f"exec-{number:010d}" if kind is Kind.APPROVAL_USED else "",
            )


class Texts:
    """Lines of words ``w0`` to ``w19999``; the first is in every second line, as of Zipf's law."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._words = [f"w{rank}" for rank in range(WORDS)]
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(WORDS)))

    def line(self, words: int) -> str:
        """Give a line of so many words."""
        return " ".join(self._chance.choices(self._words, cum_weights=self._weights, k=words))


def batches(items: Iterator[object], size: int) -> Iterator[Sequence[object]]:
    """Give lists of so many items."""
    batch: list[object] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
