"""The regular expressions of the engine: one prefilter for Hyperscan, exact ones for Python.

Hyperscan only says where a candidate ends; every verdict is made by the Python expressions, so the prefilter
may report too much and must never report too little.
"""

from __future__ import annotations

import re

from sidecar.masking.cards import prefixes

# What may stand between two digits of one number.
GAP = rb"(?: {1,2}|[-./_\t+])"
LONGEST_GAP = 2
MOST_DIGITS = 19
# Bytes from the first digit of the longest reading to the byte that ends it.
SPAN = MOST_DIGITS + (MOST_DIGITS - 1) * LONGEST_GAP + 1

ANY_DIGIT = re.compile(rb"[0-9]")
DIGITS = re.compile(rb"[0-9]{1,20}")
GAP_BEFORE_DIGIT = re.compile(GAP + rb"(?=[0-9])")
# A digit that nothing before it makes part of an earlier group.
START = re.compile(rb"(?<![0-9])[1-9]")
# A digit with nothing but the beginning of a gap between it and the end.
DIGIT_NEAR_END = re.compile(rb"[0-9][^0-9]{0,%d}\Z" % LONGEST_GAP)
GAP_AT_END = re.compile(GAP + rb"\Z")


def _prefix_alternation() -> bytes:
    """Every four-digit beginning of a card number, as a compact alternation."""
    tails: dict[bytes, set[bytes]] = {}
    for prefix in prefixes():
        tails.setdefault(prefix[:2], set()).add(prefix[2:])
    parts: list[bytes] = []
    for head, last in sorted(tails.items()):
        parts.append(head + (rb"[0-9]{2}" if len(last) == 100 else rb"(?:" + b"|".join(sorted(last)) + rb")"))
    return b"|".join(parts)


def prefilter() -> bytes:
    """The one Hyperscan expression: a brand prefix at the start of a group, 12 to 19 digits, a non-digit."""
    return rb"[^0-9](?:" + _prefix_alternation() + rb")(?:" + GAP + rb"?[0-9]){8,15}[^0-9]"
