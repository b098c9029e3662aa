"""The doors of the admission side, asked with reviews that no API server would send.

Whatever is posted: a 400 in text where it is no review for the door, or a review that answers this request;
never another status, an exception or an answer that takes long; nothing is let through but what an oracle
says may be; and no secret or card number that was planted is in an answer or in the log. A door that is
served is asked, whether or not more is known of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from typing import Final

from httpish import Asgi

from fuzzing.admission_cluster import Installation
from fuzzing.admission_grammar import Mutation, encode
from fuzzing.admission_oracle import BrokenPromiseError, Oracle
from fuzzing.admission_stories import stories
from fuzzing.choices import Choices
from sidecar.masking import Engine, Profile
from webhook.server.logs import JsonFormatter

_MOST_SECONDS: Final = 5.0
"""How much processor time an answer may take, of all threads: what others do on the machine is not in it."""
_MOST_WAITING: Final = 300.0
"""How long an answer may take by the clock: who waits for what never comes uses no processor."""
_TIMES: Final = (1, 1, 1, 1, 1, 2, 4)
"""How often the same is posted: what was approved meanwhile goes through once."""


class Lines(logging.Handler):
    """Keeps the lines of the log until they are taken."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(JsonFormatter(Engine.load(Profile.STRICT).masks()))
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        self._lines.append(self.format(record))

    def take(self) -> list[str]:
        """Give the lines since the last time."""
        lines, self._lines = self._lines, []
        return lines


class Storyteller:
    """Posts reviews to the doors and holds them to their promises. Counts what it posts."""

    def __init__(self, installation: Installation | None = None) -> None:
        self._installation = installation or Installation()
        self._seeds = self._installation.seeds()
        self._others = [review for some in self._seeds.values() for review in some]
        self._oracle = Oracle(self._installation.pods, self._installation.roots, self._installation.approved)
        self._asgi = Asgi(self._installation.app)
        self._journal = self._installation.journal
        self._runner = asyncio.Runner()
        self._lines = Lines()
        logging.getLogger().addHandler(self._lines)
        logging.getLogger().setLevel(logging.INFO)
        self._is_new = True
        self.feeds = 0
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.slowest = 0.0

    def close(self) -> None:
        """Stop listening to the log."""
        logging.getLogger().removeHandler(self._lines)
        self._runner.close()

    @property
    def doors(self) -> list[str]:
        """The doors that are served."""
        return sorted(self._installation.doors)

    @property
    def known(self) -> frozenset[str]:
        """The doors that the oracle knows something of."""
        return self._oracle.doors

    def untouched(self) -> None:
        """Post every seed to its own door as it is."""
        for door, reviews in self._seeds.items():
            for review in reviews:
                self.post(door, encode(review))

    def remember(self) -> None:
        """Tell the stories that are known, once. Raises BrokenPromiseError."""
        if not self._is_new:
            return
        self._is_new = False
        for story in stories():
            for number, step in enumerate(story.steps):
                outcome = self.post(step.door, encode(step.review))
                if outcome != step.outcome:
                    raise BrokenPromiseError(
                        f"{story.name}: step {number} was {outcome} and is to be {step.outcome}"
                    )

    def tell(self, data: bytes) -> None:
        """Tell the story in ``data``, before the first those that are known.

        Raises BrokenPromiseError, or whatever an application raises.
        """
        self.remember()
        choices = Choices(data)
        while choices.left:
            door = choices.one_of(self.doors)
            own = self._seeds.get(door, self._others)
            review = choices.one_of(self._others if choices.below(6) == 0 else own)
            sent = Mutation(review, self._others, choices).mutated()
            for _ in range(_TIMES[choices.below(len(_TIMES))]):
                self.post(door, sent)

    def post(self, door: str, sent: bytes) -> str:
        """Post one body and give what came of it. Raises BrokenPromiseError."""
        self.feeds += 1
        began = time.process_time()
        status, answer = self._runner.run(self._answered(door, sent))
        took = time.process_time() - began
        self.slowest = max(self.slowest, took)
        outcome = self._oracle.judge(door, sent, status, answer, self._lines.take(), self._journal.take())
        if took > _MOST_SECONDS:
            raise BrokenPromiseError(
                f"an answer took {took:.1f} s of a processor; door {door}, sent {sent[:6000]!r}"
            )
        self.outcomes[door, outcome] += 1
        return outcome

    async def _answered(self, door: str, sent: bytes) -> tuple[int, bytes]:
        try:
            async with asyncio.timeout(_MOST_WAITING):
                return await self._asgi.post(f"/v1/{door}", sent)
        except TimeoutError:
            raise BrokenPromiseError(f"no answer came; door {door}, sent {sent[:6000]!r}") from None

    def summary(self, seconds: float) -> str:
        """What was done, in a few lines."""
        slowest = f"slowest {self.slowest:.2f} s of a processor"
        lines = [f"{self.feeds} reviews in {seconds:.0f} s, every promise kept; {slowest}"]
        for door in self.doors:
            counts = [f"{self.outcomes[door, kind]} {kind}" for kind in ("malformed", "denied", "allowed")]
            lines.append(f"  {door}: {', '.join(counts)}")
        return "\n".join(lines)
