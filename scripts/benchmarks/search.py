"""Lists and searches in a full store: a million passages and a million audit events, in both stores.

Loading goes past the contract, many sessions in one write; everything that is measured goes through it.
Processor time, of this process and of OpenSearch's, says what a question costs on a machine that others use.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import msgspec
from opensearch_server import call, opensearch_url, remove_all
from store_samples import T0

from benchmarks.limits import KEY, print_limits, seconds
from benchmarks.report import Row, milliseconds, percentile, print_table
from benchmarks.search_corpus import COMMON, LOCAL, USERS, YEAR_MS, Corpus
from benchmarks.search_loading import load
from webhook.journal.events import Kind
from webhook.store.audit import AuditQuery
from webhook.store.contract import Phase, Query, Store
from webhook.store.opensearch.store import OpenSearchStore
from webhook.store.settings import OpenSearchSettings
from webhook.store.sqlite.store import SqliteStore

Drawn = Enum | str | int | bool | frozenset[tuple[str, str]] | Callable[[Random], str | int]
Ask = Callable[[Store, Random], int]
Spent = Callable[[], float]
"""Processor seconds used so far."""


class Measured(NamedTuple):
    """How long a question took each time, and processor time on average, seconds."""

    times: list[float]
    processor: float


PREFIX = "bench-search"
GOAL_SECONDS = 0.3
_YEAR_NS = YEAR_MS * 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--sessions", type=int, default=50_000, help="sessions (default: 50000)")
    parser.add_argument("--passages", type=int, default=1_000_000, help="passages (default: 1000000)")
    parser.add_argument("--events", type=int, default=1_000_000, help="audit events (default: 1000000)")
    parser.add_argument("--runs", type=int, default=40, help="runs of each question (default: 40)")
    parser.add_argument("--store", choices=("both", "sqlite", "opensearch"), default="both")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep the loaded stores, or use kept ones"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Load, measure, print, give the figures."""
    corpus = Corpus(args.sessions, args.passages, args.events)
    times: dict[str, dict[str, Measured]] = {}
    with tempfile.TemporaryDirectory(prefix="search-") as name:
        folder = args.keep or Path(name)
        for kind, opened in (("sqlite", _sqlite), ("opensearch", _opensearch)):
            if args.store not in {"both", kind}:
                continue
            with opened(corpus, folder, keep=args.keep is not None) as (store, spent):
                times[kind] = {
                    what: _measured(store, ask, args.runs, spent) for what, ask in questions(corpus).items()
                }
    return _report(times)


def questions(corpus: Corpus) -> dict[str, Ask]:
    """Give each question by its name: asked with chance, it gives how much was found."""

    def listed(**fields: Drawn) -> Ask:
        return lambda store, chance: len(store.sessions(msgspec.convert(_drawn(fields, chance), Query)))

    def searched(**fields: Drawn) -> Ask:
        return lambda store, chance: len(store.search(msgspec.convert(_drawn(fields, chance), Query)))

    def told(**fields: Drawn) -> Ask:
        return lambda store, chance: len(
            store.audit_events(msgspec.convert(_drawn(fields, chance), AuditQuery))
        )

    def rare(chance: Random) -> str:
        return f"order{chance.randrange(corpus.passages)}"

    def request(chance: Random) -> str:
        return f"request{chance.randrange(corpus.events)}"

    approvals = frozenset(("payments", f"exec-{number * 50:010d}") for number in range(200))
    return {
        "list: newest": listed(),
        "list: namespace": listed(namespace="fraud"),
        "list: user": listed(user=_user),
        "list: namespace, user, pod": listed(namespace="payments", user=_user, pod=_pod),
        "list: active": listed(phase=Phase.ACTIVE),
        "list: interrupted": listed(phase=Phase.INTERRUPTED),
        "list: until": listed(until=_moment),
        "list: exit 137, user": listed(exit_code=137, user=_user),
        "list: findings": listed(finding="pan/visa"),
        "list: with a common word": listed(text=COMMON),
        "list: with a rare word": listed(text=rare),
        "search: rare word": searched(text=rare),
        "search: word": searched(text=_word),
        "search: common word": searched(text=COMMON),
        "search: common words": searched(text=f"{COMMON} w1 w2"),
        "search: phrase of common words": searched(text=f'"{COMMON} w1"'),
        "search: rare phrase": searched(text='"w300 w400"'),
        "search: word nowhere": searched(text="nowhere"),
        "search: common word, until": searched(text=COMMON, until=_moment),
        "search: common word, user, pod": searched(text=COMMON, user=_user, pod=_pod),
        "search: word of another namespace": searched(text=LOCAL, namespace="fraud"),
        "search: common word, exit 137": searched(text=COMMON, exit_code=137),
        "search: common word, failed": searched(text=COMMON, failed=True),
        "search: rare word, failed": searched(text=rare, failed=True),
        "search: common word, finding": searched(text=COMMON, finding="pan", user=_user),
        "search: common word, interrupted": searched(text=COMMON, phase=Phase.INTERRUPTED),
        "search: common word, approvals": searched(text=COMMON, approvals=approvals),
        "events: newest": told(),
        "events: kind": told(kind=Kind.POLICY_CHANGED),
        "events: actor, kind, namespace": told(actor=_user, kind=Kind.POLICY_CHANGED, namespace="fraud"),
        "events: since": told(since=_moment),
        "events: rare word": told(text=request),
        "events: common word": told(text="exec"),
        "events: common words, actor": told(text=f"exec {COMMON}", actor=_user),
        "events: word of other kinds": told(text="psql", kind=Kind.RECORD_READ),
        "events: phrase": told(text='"exec into pod payments"'),
    }


def _word(chance: Random) -> str:
    return f"w{chance.randrange(100, 2000)}"


def _user(chance: Random) -> str:
    return chance.choice(USERS)


def _pod(chance: Random) -> str:
    return f"payments-{chance.randrange(400)}"


def _moment(chance: Random) -> int:
    return T0 + chance.randrange(_YEAR_NS)


def _drawn(fields: Mapping[str, Drawn], chance: Random) -> dict[str, object]:
    return {
        name: value(chance) if callable(value) else value.value if isinstance(value, Enum) else value
        for name, value in fields.items()
    }


def _measured(store: Store, ask: Ask, runs: int, spent: Spent) -> Measured:
    chance, times = Random(9), list[float]()
    before = spent()
    for _ in range(runs):
        start = time.perf_counter()
        ask(store, chance)
        times.append(time.perf_counter() - start)
    return Measured(times, (spent() - before) / runs)


@contextmanager
def _sqlite(corpus: Corpus, folder: Path, *, keep: bool) -> Generator[tuple[Store, Spent]]:
    path = folder / "store.db"
    there = path.exists()
    store = SqliteStore(path)
    store.prepare()
    if not there:
        load(store, corpus, with_frames=True)
    print(f"  sqlite: {path.stat().st_size / 1e6:,.0f} MB", flush=True)
    yield store, time.process_time
    store.close()
    if not keep:
        path.unlink()


@contextmanager
def _opensearch(corpus: Corpus, folder: Path, *, keep: bool) -> Generator[tuple[Store, Spent]]:
    mark = folder / "opensearch-loaded"
    with opensearch_url() as url:
        settings = OpenSearchSettings(url, prefix=PREFIX)
        if not (keep and mark.exists()):
            remove_all(url, PREFIX)
        store = OpenSearchStore(settings)
        store.prepare()
        if not (keep and mark.exists()):
            load(store, corpus, with_frames=False)

        def spent() -> float:
            nodes: Any = call(url, "GET", "/_nodes/stats/process")["nodes"]
            used = sum(node["process"]["cpu"]["total_in_millis"] for node in nodes.values())
            return time.process_time() + used / 1000

        yield store, spent
        store.close()
        if keep:
            mark.touch()
        else:
            remove_all(url, PREFIX)


def _report(times: dict[str, dict[str, Measured]]) -> dict[str, Any]:
    figures: dict[str, float] = {}
    rows: list[Row] = []
    for what in next(iter(times.values())):
        cells: list[str] = [what]
        for store, by_question in times.items():
            measured = by_question[what]
            figures[f"{store} {what} cpu_s"] = measured.processor
            for share in (0.5, 0.95):
                value = percentile(measured.times, share)
                figures[f"{store} {what} p{share * 100:.0f}_s"] = value
                cells.append(milliseconds(value))
            cells.append(milliseconds(measured.processor))
        rows.append(tuple(cells))
    header = ("question", *(f"{store} {label}" for store in times for label in ("p50", "p95", "cpu")))
    print_table(header, rows)
    limits = [
        seconds(f"{store}: p95 of {what}", percentile(found.times, 0.95), at_most=GOAL_SECONDS)
        for store, each in times.items()
        for what, found in each.items()
    ]
    print_limits(limits)
    return figures | {KEY: limits}
