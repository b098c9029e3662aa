"""What a policy says without effect: nothing is wrong with it, and most likely it is not meant. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from webhook.policy.decision import Door
from webhook.policy.document import Rule

UNASKED: Final = frozenset({Door.WEBHOOK_CONFIGURATION})
"""Doors at which nobody is asked: the API server asks no webhook about admission configuration."""
ELSEWHERE: Final = (
    "the API server asks no webhook about admission configuration; the chart's guard.configuration says who"
    " changes it (docs/doors.md, Admission configuration)"
)
"""What keeps that door instead."""


def without_effect(rules: Iterable[Rule]) -> Iterator[tuple[int, str]]:
    """Give the index of each rule that names a door where nobody is asked, and a remark on it."""
    for index, rule in enumerate(rules):
        doors = [door.value for door in rule.match.doors or () if door in UNASKED]
        if doors:
            named = ", ".join(doors)
            yield index, f"rule {rule.name} is never asked at {named}: {ELSEWHERE}"
