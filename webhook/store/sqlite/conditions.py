"""Conditions of statements about sessions, and expressions of the full-text index."""

import json
from collections.abc import Sequence

from webhook.store.checks import check_query
from webhook.store.contract import ANY_FINDING, Query
from webhook.store.sqlite.functions import found_as
from webhook.store.sqlite.places import without_marks

_APPROVALS = "(namespace, approval) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?))"


def conditions(query: Query) -> tuple[list[str], list[str | int]]:
    """Give the conditions of all but the text, and their values. Raises CallerError."""
    check_query(query)
    simple: list[tuple[str, str | int | None]] = [
        ("namespace = ?", query.namespace),
        ("username = ?", query.user),
        ("pod = ?", query.pod),
        ("phase = ?", query.phase.value if query.phase else None),
        ("exit_code = ?", query.exit_code),
        ("started_at >= ?", query.since),
        ("started_at < ?", query.until),
        ("session < ?", query.before),
    ]
    chosen = [(sql, value) for sql, value in simple if value is not None]
    where = ["TRUE", *(sql for sql, _ in chosen)]
    values = [value for _, value in chosen]
    if query.failed:
        where.append("exit_code != 0")
    if query.finding is not None:
        where.append("findings != ''")
        if query.finding != ANY_FINDING:
            where.append("instr(findings, ?) > 0")
            values.append(found_as(query.finding))
    if query.approvals is not None:
        where.append(f"approval != '' AND {_APPROVALS}")
        values.append(json.dumps(sorted(query.approvals)))
    return where, values


def match_expression(phrases: Sequence[str], words: str = "") -> str:
    """Give the FTS5 expression that all phrases are found, and all words of fields.

    Inside double quotes nothing is syntax, and phrases hold no quote.
    """
    parts = [f'"{without_marks(phrase)}"' for phrase in phrases]
    return " AND ".join([*parts, *(f'"{word}"' for word in words.split())])
