"""Index templates. Field names are ECS 8's where it has them, else ours under ``chaperone``. No I/O.

Mappings are strict: a document with a field that is not described here is an error, not a new field.
"""

from collections.abc import Mapping

from webhook.store.opensearch.names import Names

Json = Mapping[str, object]

TEMPLATE_VERSION = 2

_SMALL = "best_compression"
_QUICK = "default"
"""A tenth larger, for documents that searches give by the hundred: unpacking those took longest."""

_KEYWORD: Json = {"type": "keyword", "ignore_above": 8191}
_LONG: Json = {"type": "long"}
_DATE: Json = {"type": "date"}
_FLAG: Json = {"type": "boolean"}
_TEXT: Json = {"type": "text", "analyzer": "words"}
_KEPT: Json = {"type": "binary"}

_SEPARATORS = ["whitespace", "punctuation", "symbol", *(chr(code) for code in [*range(32), *range(127, 160)])]
_ANALYSIS: Json = {
    "tokenizer": {"words": {"type": "char_group", "tokenize_on_chars": _SEPARATORS}},
    "analyzer": {"words": {"type": "custom", "tokenizer": "words", "filter": ["lowercase"]}},
}


def fields(**properties: Json) -> Json:
    """An object with these fields."""
    return {"properties": properties}


_WHERE: Json = {
    "container": fields(name=_KEYWORD),
    "host": fields(name=_KEYWORD),
    "orchestrator": fields(
        type=_KEYWORD, namespace=_KEYWORD, resource=fields(type=_KEYWORD, name=_KEYWORD, id=_KEYWORD)
    ),
}
_WHO: Json = {"user": fields(name=_KEYWORD, id=_KEYWORD, group=fields(name=_KEYWORD))}


def templates(names: Names, *, replicas: int) -> dict[str, Json]:
    """Give each index template under its name."""
    return {
        f"{names.prefix}-sessions": _template(names.all_sessions, _SESSION, replicas, codec=_QUICK),
        f"{names.prefix}-passages": _template(names.all_passages, _PASSAGE, replicas, codec=_QUICK),
        f"{names.prefix}-notices": _template(names.notices, _NOTICE, replicas),
        f"{names.prefix}-ledger": _template(names.ledger, _LEDGER, replicas),
        f"{names.prefix}-events": _stream(names.events, _EVENT, replicas),
        f"{names.prefix}-audit": _stream(names.audit, _AUDIT, replicas),
    }


def mappings(names: Names) -> dict[str, Json]:
    """Give the mapping of what exists already, by index pattern."""
    return {
        names.all_sessions: _SESSION,
        names.all_passages: _PASSAGE,
        names.notices: _NOTICE,
        names.events: _EVENT,
        names.ledger: _LEDGER,
        names.audit: _AUDIT,
    }


def _stream(pattern: str, mapping: Json, replicas: int) -> Json:
    timestamp = {"timestamp_field": {"name": "@timestamp"}}
    return {**_template(pattern, mapping, replicas), "data_stream": timestamp}


def _template(pattern: str, mapping: Json, replicas: int, *, codec: str = _SMALL) -> dict[str, object]:
    index: Json = {
        "number_of_shards": 1,
        "number_of_replicas": replicas,
        "refresh_interval": "5s",
        "codec": codec,
        "translog": {"durability": "request"},
        "analysis": _ANALYSIS,
    }
    return {
        "index_patterns": [pattern],
        "priority": 500,
        "version": TEMPLATE_VERSION,
        "template": {"settings": {"index": index}, "mappings": mapping},
    }


def _mapping(**properties: Json) -> Json:
    return {"dynamic": "strict", "properties": {"@timestamp": _DATE, **properties}}


_SESSION = _mapping(
    **_WHERE,
    **_WHO,
    event=fields(
        kind=_KEYWORD,
        category=_KEYWORD,
        action=_KEYWORD,
        start=_DATE,
        end=_DATE,
        duration=_LONG,
        outcome=_KEYWORD,
        reason=_KEYWORD,
    ),
    process=fields(
        command_line={"type": "wildcard", "ignore_above": 8191, "fields": {"text": _TEXT}},
        args=_KEYWORD,
        args_count=_LONG,
        interactive=_FLAG,
        exit_code=_LONG,
    ),
    rule=fields(name=_KEYWORD, ruleset=_KEYWORD),
    chaperone=fields(
        session=_KEYWORD,
        phase=_KEYWORD,
        how=_KEYWORD,
        action=_KEYWORD,
        approval=_KEYWORD,
        would=_KEYWORD,
        request=_KEYWORD,
        profile=_KEYWORD,
        masking=_KEYWORD,
        recorder=_KEYWORD,
        started_at=_LONG,
        updated_at=_LONG,
        clock_skew=_LONG,
        next_sequence=_LONG,
        bytes=fields(stdin=_LONG, stdout=_LONG, stderr=_LONG),
        findings=fields(total=_LONG, rules=_KEYWORD),
        programs=_LONG,
        record=_KEPT,
    ),
)

_PASSAGE = _mapping(
    **_WHERE,
    **_WHO,
    message=_TEXT,
    event=fields(kind=_KEYWORD, action=_KEYWORD, sequence=_LONG),
    chaperone=fields(session=_KEYWORD, started_at=_LONG, at=_LONG, channel=_KEYWORD),
)

_EVENT = _mapping(
    **_WHERE,
    **_WHO,
    event=fields(kind=_KEYWORD, action=_KEYWORD, sequence=_LONG),
    chaperone=fields(session=_KEYWORD, at=_LONG, channel=_KEYWORD, size=_LONG, digest=_KEPT, payload=_KEPT),
)

_NOTICE = _mapping(
    **_WHERE,
    message=_TEXT,
    event=fields(kind=_KEYWORD, category=_KEYWORD, action=_KEYWORD),
    process=fields(args=_KEYWORD),
    chaperone=fields(session=_KEYWORD, id=_KEYWORD, received_at=_LONG, notice=_KEPT),
)

_LEDGER: Json = {
    "dynamic": "strict",
    "properties": {
        "chaperone": fields(first=_LONG, last=_LONG, keys=_KEYWORD, kinds=_KEYWORD, block=_KEPT),
    },
}
_AUDIT = _mapping(
    **_WHERE,
    **_WHO,
    message=_TEXT,
    observer=fields(name=_KEYWORD),
    event=fields(
        id=_KEYWORD,
        kind=_KEYWORD,
        category=_KEYWORD,
        type=_KEYWORD,
        action=_KEYWORD,
        outcome=_KEYWORD,
        reason=_KEYWORD,
        ingested=_DATE,
    ),
    process=fields(
        command_line={"type": "wildcard", "ignore_above": 8191, "fields": {"text": _TEXT}},
        args=_KEYWORD,
        args_count=_LONG,
    ),
    rule=fields(name=_KEYWORD, ruleset=_KEYWORD),
    chaperone=fields(
        at=_LONG,
        received_at=_LONG,
        door=_KEYWORD,
        operation=_KEYWORD,
        action=_KEYWORD,
        would=_KEYWORD,
        approval=_KEYWORD,
        requester=_KEYWORD,
        session=_KEYWORD,
        request=_KEYWORD,
        dry_run=_FLAG,
        details=_KEYWORD,
        event=_KEPT,
    ),
)
