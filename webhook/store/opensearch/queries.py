"""Bodies of searches. No I/O.

Values go into ``term``, ``range`` and ``match_phrase`` clauses only, where nothing is syntax.
"""

from collections.abc import Mapping, Sequence

from webhook.store.contract import ANY_FINDING, Query

Json = dict[str, object]

SESSION_FIELD = "chaperone.session"
_NAMESPACE = "orchestrator.namespace"
_STARTED = "chaperone.started_at"
_NEWEST: list[Json] = [
    {_STARTED: "desc"},
    {SESSION_FIELD: "desc"},
    {"event.sequence": {"order": "desc", "missing": "_last"}},
]


def session_filters(query: Query) -> list[Json]:
    """Give the clauses for the fields of a session record."""
    exit_code: Json = {"process.exit_code": query.exit_code}
    failed: Json = {"range": {"process.exit_code": {"gt": 0}}}
    return [
        *passage_filters(query),
        *term_clauses({"chaperone.phase": query.phase.value if query.phase else None}),
        *([{"term": exit_code}] if query.exit_code is not None else []),
        *([failed] if query.failed else []),
        *([] if query.finding is None else [_found(query.finding)]),
        *([] if query.approvals is None else [_approved(query.approvals)]),
    ]


def _found(finding: str) -> Json:
    rules = "chaperone.findings.rules"
    if finding == ANY_FINDING:
        return {"range": {"chaperone.findings.total": {"gt": 0}}}
    if "/" in finding:
        return {"term": {rules: finding}}
    return {"bool": {"should": [{"term": {rules: finding}}, {"prefix": {rules: f"{finding}/"}}]}}


def _approved(approvals: frozenset[tuple[str, str]]) -> Json:
    if not approvals:
        return {"match_none": {}}
    by_namespace: dict[str, list[str]] = {}
    for namespace, name in sorted(approvals):
        by_namespace.setdefault(namespace, []).append(name)
    either = [
        {
            "bool": {
                "filter": [*term_clauses({_NAMESPACE: namespace}), {"terms": {"chaperone.approval": names}}]
            }
        }
        for namespace, names in by_namespace.items()
    ]
    return {"bool": {"should": either, "minimum_should_match": 1}}


def of_sessions(sessions: Sequence[str]) -> Json:
    """Give the clause for what belongs to one of these sessions."""
    return {"terms": {SESSION_FIELD: sessions}}


def passage_filters(query: Query) -> list[Json]:
    """Give the clauses for what a passage knows of its session: what never changes."""
    started = {
        name: value for name, value in (("gte", query.since), ("lt", query.until)) if value is not None
    }
    return [
        *term_clauses(
            {
                _NAMESPACE: query.namespace,
                "user.name": query.user,
                "orchestrator.resource.name": query.pod,
            }
        ),
        *([{"range": {"chaperone.started_at": started}}] if started else []),
        *([{"range": {SESSION_FIELD: {"lt": query.before}}}] if query.before is not None else []),
    ]


def newest_sessions(filters: Sequence[Json], *, size: int, after: str | None) -> Json:
    """A page of session records, newest first, after a session id."""
    return {
        "size": size,
        "query": {"bool": {"filter": filters}},
        "sort": [{SESSION_FIELD: "desc"}],
        "track_total_hits": False,
        "_source": ["chaperone.record"],
        **({"search_after": [after]} if after else {}),
    }


def changed_sessions(
    namespace: str | None, moments: Json, *, size: int, after: tuple[int, str] | None = None
) -> Json:
    """A page of session records whose change lies in a range, oldest change first."""
    filters = [
        {"range": {"chaperone.updated_at": moments}},
        *term_clauses({"orchestrator.namespace": namespace}),
    ]
    return {
        "size": size,
        "query": {"bool": {"filter": filters}},
        "sort": [{"chaperone.updated_at": "asc"}, {SESSION_FIELD: "asc"}],
        "track_total_hits": False,
        "_source": ["chaperone.record"],
        **({"search_after": after} if after else {}),
    }


def frames_page(session: str, *, start: int, end: int, size: int) -> Json:
    """Frames of a session from ``start`` to before ``end``, in sequence."""
    return {
        "size": size,
        "query": {
            "bool": {
                "filter": [
                    {"term": {SESSION_FIELD: session}},
                    {"range": {"event.sequence": {"gte": start, "lt": end}}},
                ]
            }
        },
        "sort": [{"event.sequence": "asc"}],
        "track_total_hits": False,
        "_source": ["event.sequence", "chaperone.digest", "chaperone.payload"],
    }


def frames_by_id(ids: Sequence[str]) -> Json:
    """Frames with these document ids."""
    return {
        "size": 2 * len(ids),
        "query": {"ids": {"values": ids}},
        "_source": ["event.sequence", "chaperone.digest", "chaperone.payload"],
    }


def matching_passages(
    filters: Sequence[Json], phrases: Sequence[str], *, size: int, after: Sequence[object] | None
) -> Json:
    """A page of passages in which all phrases are found: the newest session first, and of it the newest."""
    return {
        "size": size,
        "query": {"bool": {"filter": [*filters, *phrase_clauses(phrases)]}},
        "sort": _NEWEST,
        "track_total_hits": False,
        "_source": ["message", "event.sequence", "chaperone.session", "chaperone.at", "chaperone.channel"],
        **({"search_after": after} if after else {}),
    }


def count_of_passages(filters: Sequence[Json], phrases: Sequence[str], *, most: int) -> Json:
    """How many passages all phrases are found in, counted no further than to ``most``."""
    return {
        "size": 0,
        "query": {"bool": {"filter": [*filters, *phrase_clauses(phrases)]}},
        "track_total_hits": most,
        "terminate_after": most,
    }


def session_ids(filters: Sequence[Json], *, size: int, after: Sequence[object] | None) -> Json:
    """A page of the ids of sessions, as the sort value, the one that started last first."""
    return {
        "size": size,
        "query": {"bool": {"filter": filters}},
        "sort": _NEWEST[:2],
        "track_total_hits": False,
        "_source": False,
        **({"search_after": after} if after else {}),
    }


def sessions_with_passages(
    filters: Sequence[Json], phrases: Sequence[str], *, size: int, after: str | None
) -> Json:
    """A page of the ids of sessions in which all phrases are found, newest first."""
    sources = [{"session": {"terms": {"field": SESSION_FIELD, "order": "desc"}}}]
    composite: Json = {"size": size, "sources": sources, **({"after": {"session": after}} if after else {})}
    return {
        "size": 0,
        "query": {"bool": {"filter": [*filters, *phrase_clauses(phrases)]}},
        "aggs": {"sessions": {"composite": composite}},
    }


def newest_notices(namespace: str | None, since: int | None, *, size: int) -> Json:
    """Notices, newest first."""
    received = [{"range": {"chaperone.received_at": {"gte": since}}}] if since is not None else []
    return {
        "size": size,
        "query": {"bool": {"filter": [*term_clauses({"orchestrator.namespace": namespace}), *received]}},
        "sort": [{"chaperone.received_at": "desc"}, {"chaperone.id": "desc"}],
        "track_total_hits": False,
        "_source": ["chaperone.notice"],
    }


def term_clauses(values: Mapping[str, str | None]) -> list[Json]:
    return [{"term": {field: value}} for field, value in values.items() if value is not None]


def phrase_clauses(phrases: Sequence[str]) -> list[Json]:
    return [{"match_phrase": {"message": phrase}} for phrase in phrases]
