"""The tables of fields in docs/store.md are those of the index templates and of the SQLite schema."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from webhook.store.opensearch.names import Names
from webhook.store.opensearch.templates import mappings
from webhook.store.sqlite.store import SqliteStore

DOCUMENT = Path(__file__).parents[3] / "docs/store.md"
NAMES = Names("chaperone")
KINDS = {
    "sessions": NAMES.all_sessions,
    "passages": NAMES.all_passages,
    "events": NAMES.events,
    "notices": NAMES.notices,
    "audit": NAMES.audit,
    "ledger": NAMES.ledger,
}
ALL = ("sessions", "passages", "events", "notices")
OWN = {"audit": "Audit events (`chaperone-audit`):", "ledger": "The ledger (`chaperone-ledger`):"}
"""The lines above tables of one index alone."""


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the first table below a heading."""
    below = DOCUMENT.read_text().partition(f"\n{heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert table is not None
    for line in table[0].splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def named(cell: str) -> list[str]:
    """The fields that a cell names: one that begins with a dot is a neighbour of the one before."""
    found: list[str] = []
    for name in re.findall(r"`([^`]+)`", cell):
        found.append(found[-1].rpartition(".")[0] + name if name.startswith(".") else name)
    return found


def typed(fields: str, types: str) -> Iterator[tuple[str, str]]:
    names = named(fields)
    kinds = [re.sub(r" \(.*\)", "", kind) for kind in types.split(", ")]
    yield from zip(names, kinds * len(names) if len(kinds) == 1 else kinds, strict=True)


def told(kind: str) -> list[tuple[str, str]]:
    """Fields and types, as the document has them."""
    if kind in OWN:
        return [one for fields, types, *_ in rows(OWN[kind]) for one in typed(fields, types)]
    found: list[tuple[str, str]] = []
    for fields, types, where, *_ in rows("### Fields"):
        if kind in (ALL if where == "all" else where.split(", ")):
            found += typed(fields, types)
    return found


def flat(properties: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Fields and types, as a mapping has them."""
    for name, field in properties.items():
        if "type" in field:
            yield before + name, field["type"]
        inner = {**field.get("properties", {}), **field.get("fields", {})}
        yield from flat(inner, f"{before}{name}.")


@pytest.mark.parametrize("kind", KINDS)
def test_the_tables_name_each_field_of_the_index_templates_and_no_other(kind: str) -> None:
    mapping: Mapping[str, Any] = mappings(NAMES)[KINDS[kind]]
    fields = told(kind)
    assert sorted(fields) == sorted(flat(mapping["properties"]))


def test_every_index_has_a_table() -> None:
    assert set(KINDS.values()) == set(mappings(NAMES))


def test_the_table_of_sqlite_names_each_table_and_column_and_no_other(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.db")
    store.prepare()
    store.close()
    with sqlite3.connect(tmp_path / "store.db") as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        ]
        own = [name for name in tables if not re.search(r"words_\w+$|^sqlite_", name)]
        columns = {
            name: sorted(row[1] for row in connection.execute(f"PRAGMA table_info({name})")) for name in own
        }
    connection.close()
    said = {name: sorted(named(cells[1])) for cells in rows("## SQLite") for name in named(cells[0])}
    assert said == columns
