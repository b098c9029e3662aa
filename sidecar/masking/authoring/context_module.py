"""The context and key tables: from YAML to generated Python modules."""

from __future__ import annotations

import hashlib

import msgspec
import yaml


class ContextFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """policies/masking/context.yaml."""

    version: int
    sources: tuple[str, ...]
    exempt: tuple[str, ...]
    iban: dict[str, int]
    negative: tuple[str, ...]


class KeyedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of secret that a key names."""

    name: str
    length: tuple[int, int]
    keys: tuple[str, ...]
    hex: bool = False
    assigned: bool = False


class MaskedCase(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text and what becomes of it."""

    text: str
    masked: str


class SadFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """policies/masking/sad.yaml."""

    version: int
    sources: tuple[str, ...]
    keyed: tuple[KeyedRule, ...]
    positive: tuple[MaskedCase, ...]
    negative: tuple[str, ...]


def parse_context(source: bytes) -> ContextFile:
    """The file in ``source``; raises msgspec.ValidationError or yaml.YAMLError when it is malformed."""
    return msgspec.convert(yaml.safe_load(source), ContextFile)


def parse_sad(source: bytes) -> SadFile:
    """The file in ``source``; raises msgspec.ValidationError or yaml.YAMLError when it is malformed."""
    return msgspec.convert(yaml.safe_load(source), SadFile)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'b"{escaped}"'


def _head(source: bytes, name: str, version: int, *imports: str) -> list[str]:
    return [
        f'"""Generated from policies/masking/{name} by scripts/masking-table; do not edit."""',
        "",
        *(line for name in imports for line in (name, "")),
        f'VERSION = "{version}-{hashlib.sha256(source).hexdigest()[:16]}"',
    ]


def render_context(source: bytes) -> str:
    """The text of ``sidecar/masking/context_table.py``."""
    table = parse_context(source)
    lines = [
        *_head(source, "context.yaml", table.version),
        "EXEMPT: tuple[bytes, ...] = (",
        *(f"    {_quoted(pattern)}," for pattern in table.exempt),
        ")",
        "IBAN_LENGTHS: dict[bytes, int] = {",
        *(f'    b"{country}": {length},' for country, length in table.iban.items()),
        "}",
        "",
    ]
    return "\n".join(lines)


def render_sad(source: bytes) -> str:
    """The text of ``sidecar/masking/sad_table.py``."""
    table = parse_sad(source)
    lines = [
        *_head(source, "sad.yaml", table.version, "from typing import NamedTuple"),
        "",
        "",
        "class KeyedRule(NamedTuple):",
        '    """A kind of secret that a key names; see policies/masking/sad.yaml."""',
        "",
        "    name: str",
        "    keys: tuple[bytes, ...]",
        "    length: tuple[int, int]",
        "    hex: bool",
        "    assigned: bool",
        "",
        "",
        "KEYED: tuple[KeyedRule, ...] = (",
    ]
    for rule in table.keyed:
        lines += [
            "    KeyedRule(",
            f'        "{rule.name}",',
            *_listed([f'b"{key}"' for key in rule.keys]),
            f"        length={rule.length},",
            f"        hex={rule.hex},",
            f"        assigned={rule.assigned},",
            "    ),",
        ]
    return "\n".join([*lines, ")", ""])


def _listed(items: list[str]) -> list[str]:
    """The lines of a tuple as the formatter writes it; one item stays on one line."""
    if len(items) == 1:
        return [f"        ({items[0]},),"]
    return ["        (", *(f"            {item}," for item in items), "        ),"]
