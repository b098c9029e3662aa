"""The card table: from reviewed YAML to a generated Python module that costs the recorder nothing to load."""

from __future__ import annotations

import hashlib

import msgspec
import yaml

WIDTH = 8


class BrandRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table; ``ranges`` are prefixes ("4") or prefix ranges ("2221-2720")."""

    name: str
    ranges: tuple[str, ...]
    lengths: tuple[int, ...]
    luhn: str = "required"
    groupings: tuple[tuple[int, ...], ...] = ()
    """The only ones that these numbers are written in, besides none; any where this is empty."""


class CardsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """policies/masking/cards.yaml."""

    version: int
    sources: tuple[str, ...]
    brands: tuple[BrandRow, ...]
    groupings: tuple[tuple[int, ...], ...]
    positive: tuple[str, ...]
    negative: tuple[str, ...]


def parse(source: bytes) -> CardsFile:
    """The table in ``source``; raises msgspec.ValidationError or yaml.YAMLError when it is malformed."""
    return msgspec.convert(yaml.safe_load(source), CardsFile)


def _bounds(text: str) -> tuple[int, int, int]:
    """Low and high ends of a range at eight digits, and how many digits were written."""
    low, _, high = text.partition("-")
    high = high or low
    return int(low.ljust(WIDTH, "0")), int(high.ljust(WIDTH, "9")), len(low)


def _intervals(table: CardsFile) -> list[tuple[int, tuple[int, ...]]]:
    """Disjoint intervals in order, each with the rows that cover it, the longest prefix first."""
    bounds = [(index, *_bounds(text)) for index, row in enumerate(table.brands) for text in row.ranges]
    edges = sorted({0} | {low for _, low, _, _ in bounds} | {high + 1 for _, _, high, _ in bounds})
    result: list[tuple[int, tuple[int, ...]]] = []
    for edge in edges:
        covering = sorted((-width, index) for index, low, high, width in bounds if low <= edge <= high)
        rows = tuple(dict.fromkeys(index for _, index in covering))
        if edge < 10**WIDTH and (not result or result[-1][1] != rows):
            result.append((edge, rows))
    return result


def _listed(lengths: tuple[int, ...]) -> str:
    return ", ".join(map(str, sorted(lengths)))


def render(source: bytes) -> str:
    """The text of ``sidecar/masking/card_table.py`` for the table in ``source``."""
    table = parse(source)
    intervals = _intervals(table)
    rows = [
        f'    ("{row.name}", frozenset({{{_listed(row.lengths)}}}), {row.luhn == "optional"},'
        f" {row.groupings!r}),"
        for row in table.brands
    ]
    groupings = [f"        {group!r}," for group in table.groupings]
    lines = [
        '"""Generated from policies/masking/cards.yaml by scripts/masking-table; do not edit."""',
        "",
        f'VERSION = "{table.version}-{hashlib.sha256(source).hexdigest()[:16]}"',
        f"WIDTH = {WIDTH}",
        "# name, lengths, whether the check digit may be missing, the only groupings if not any",
        "BRANDS: tuple[tuple[str, frozenset[int], bool, tuple[tuple[int, ...], ...]], ...] = (",
        *rows,
        ")",
        "# where each interval of eight-digit prefixes starts, and the rows of BRANDS that cover it",
        "STARTS: tuple[int, ...] = (",
        *(f"    {start}," for start, _ in intervals),
        ")",
        "ENTRIES: tuple[tuple[int, ...], ...] = (",
        *(f"    {rows!r}," for _, rows in intervals),
        ")",
        "GROUPINGS: frozenset[tuple[int, ...]] = frozenset(",
        "    {",
        *groupings,
        "    }",
        ")",
        "",
    ]
    return "\n".join(lines)
