"""The collector: judging before the store, storing beside a raw bulk, memory of idle sessions."""

import argparse
import asyncio
import itertools
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
from collector_server import CollectorServer
from opensearch_server import opensearch_url, remove_all
from opensearchpy import OpenSearch, helpers
from recorded import POD, Authority, Made
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.limits import KEY, Limit, amount, print_limits, reached
from benchmarks.report import Row, median, print_table
from sidecar.contract.events import Channel, Data, Found
from sidecar.contract.wire import Frames, Hello, Open, decode_from_collector, encode
from webhook.collector.changes import Stamps
from webhook.collector.intake import Intake
from webhook.collector.operations import Append, Outcome, perform
from webhook.collector.proving import PodIdentity
from webhook.store import OpenSearchSettings, open_store
from webhook.store.contract import Store
from webhook.store.opensearch import documents
from webhook.store.opensearch.names import Names, frame_id, passage_id

WARM = 100
"""Connections before the memory of an idle one is measured."""
JUDGED_PER_CORE = 20_000
"""Events a second and core before the store, to reach."""
INGEST_RATIO = 0.7
"""Of a raw bulk of the same documents, to reach."""
IDLE_KIB = 64
"""Memory of an idle session, at most, of the first ones and of those that come when there are many."""
MESSAGE_BYTES = 200_000
"""About what a shipper's message holds."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark."""
    parser.add_argument("--events", type=int, default=40_000, help="events a round (default: 40000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds on each side (default: 5)")
    parser.add_argument("--part", choices=PARTS, help="only this one")
    parser.add_argument("--sessions", type=int, default=2000, help="sessions at once (default: 2000)")


PARTS = ("judging", "storing", "idle")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure, print, give the figures."""
    figures: dict[str, float] = {}
    if args.part in {None, "judging"}:
        figures |= _judging(args.events, args.rounds)
    if args.part in {None, "storing"}:
        figures |= _storing(args.events, args.rounds)
    if args.part in {"judging", "storing"}:
        return _with_limits(figures)
    with tempfile.TemporaryDirectory(prefix="collector-") as name:
        figures |= asyncio.run(_idle(Path(name), args.sessions))
    return _with_limits(figures)


def _with_limits(figures: dict[str, float]) -> dict[str, Any]:
    goals: dict[str, Callable[[float], Limit]] = {
        "judged_per_core_s": lambda found: reached("events judged", found, "/s", at_least=JUDGED_PER_CORE),
        "ingest_ratio": lambda found: reached("ingest beside a raw bulk", found, at_least=INGEST_RATIO),
        "idle_session_kib": lambda found: amount("an idle session", found, "KiB", at_most=IDLE_KIB),
        "later_idle_session_kib": lambda found: amount(
            "one more, when half are there", found, "KiB", at_most=IDLE_KIB
        ),
    }
    limits = [goal(figures[name]) for name, goal in goals.items() if name in figures]
    print_limits(limits)
    return figures | {KEY: limits}


def messages(authority: Authority, events: int) -> Iterator[bytes]:
    """Give what a recorder ships of one session: lines of a database client, and a finding in each 50."""
    made = authority.session()
    yield encode(Open(made.session, made.token))
    frames, size = [made.start()], 0
    for number in range(events):
        frames.append(_frame(made, number))
        size += len(frames[-1].payload)
        if size >= MESSAGE_BYTES:
            yield encode(Frames(made.session, tuple(frames)))
            frames, size = [], 0
    yield encode(Frames(made.session, (*frames, made.end())))


def _frame(made: Made, number: int) -> Any:
    if number % 50 == 49:
        return made.frame(Found(number, Channel.STDOUT, "pan", "visa", number * 80, 16))
    text = b"%7d | alice example | 411111******1111 | paid | 2026-03-01 10:%02d | %5d.00\r\n"
    return made.frame(Data(number, Channel.STDOUT, text % (number, number % 60, number % 9999)))


def _intake(authority: Authority) -> Intake:
    intake = Intake(POD, trust=lambda: authority.trust, unix_ns=time.time_ns)
    intake.receive(encode(Hello("0.1.0", time.time_ns())))
    return intake


def _judging(events: int, rounds: int) -> dict[str, float]:
    """Chain, schema, record, passages for search: all that is done before the store, on one core."""
    rates: list[float] = []
    for _ in range(rounds):
        authority = Authority()
        sent = list(messages(authority, events))
        intake = _intake(authority)
        start = time.process_time()
        for message in sent:
            intake.receive(message)
            while operations := intake.take_operations():
                intake.apply([Outcome(operation) for operation in operations])
            intake.take_answers()
        rates.append(events / (time.process_time() - start))
    print_table(("before the store", "events/s per core"), [("median", f"{median(rates):,.0f}")])
    return {"judged_per_core_s": median(rates)}


class _Noted:
    """A store that only notes what it would keep."""

    def __init__(self) -> None:
        self.appended: list[Append] = []

    def keep(self, operations: list[Any]) -> list[Outcome]:
        self.appended += [operation for operation in operations if isinstance(operation, Append)]
        return [Outcome(operation) for operation in operations]


def _documents(authority: Authority, events: int, names: Names) -> list[dict[str, Any]]:
    """Give the same documents that the store would write, as actions of ``helpers.bulk``."""
    noted, intake = _Noted(), _intake(authority)
    for message in messages(authority, events):
        intake.receive(message)
        while operations := intake.take_operations():
            intake.apply(noted.keep(operations))
    actions: list[dict[str, Any]] = []
    for append in noted.appended:
        record = append.record
        passages = names.passages(record.session)
        for sequence, document in documents.frame_documents(record, append.frames):
            actions.append(_action(names.events, frame_id(record.session, sequence), document))
        for passage in append.passages:
            document = documents.passage_document(record, passage)
            actions.append(_action(passages, passage_id(passage), document))
    return actions


def _action(index: str, key: str, document: object) -> dict[str, Any]:
    source = msgspec.json.decode(msgspec.json.encode(document))
    return {"_op_type": "create", "_index": index, "_id": key, "_source": source}


def _storing(events: int, rounds: int) -> dict[str, float]:
    """From a connection's messages into OpenSearch, beside the same documents by ``helpers.bulk``, in turn.

    Nothing comes over a network but the documents, on either side.
    """
    rates: dict[str, list[float]] = {"collector": [], "raw": []}
    with opensearch_url() as url:
        prefix = f"bench-{os.urandom(4).hex()}"
        store = open_store(OpenSearchSettings(url, prefix))
        store.prepare()
        client = OpenSearch(hosts=[url], timeout=60)
        try:
            for number in range(rounds + 1):
                ours = _ours(store, events)
                raw = _raw(client, Names(prefix), events)
                if number:  # the first round makes indices and warms caches
                    rates["collector"].append(ours)
                    rates["raw"].append(raw)
        finally:
            client.close()
            store.close()
            remove_all(url, prefix)
    ours, raw = median(rates["collector"]), median(rates["raw"])
    rows: list[Row] = [(f"{ours:,.0f}", f"{raw:,.0f}", f"{ours / raw:.2f}")]
    print_table(("events/s into OpenSearch: collector", "raw bulk", "ratio"), rows)
    return {"stored_per_s": ours, "raw_bulk_per_s": raw, "ingest_ratio": ours / raw}


def _ours(store: Store, events: int) -> float:
    authority, stamps = Authority(), Stamps(time.time_ns)
    sent, intake = list(messages(authority, events)), _intake(authority)
    start = time.perf_counter()
    for message in sent:
        intake.receive(message)
        while operations := intake.take_operations():
            intake.apply(perform(store, operations, stamps))
        intake.take_answers()
    return events / (time.perf_counter() - start)


def _raw(client: OpenSearch, names: Names, events: int) -> float:
    actions = _documents(Authority(), events, names)
    start = time.perf_counter()
    done, _ = helpers.bulk(client, actions)
    elapsed = time.perf_counter() - start
    if done != len(actions):
        raise RuntimeError(f"{done} of {len(actions)} documents were taken")
    return events / elapsed


async def _idle(folder: Path, sessions: int) -> dict[str, float]:
    """Recorders that hold a session open in which nothing happens, each on a connection of its own."""
    pods = {f"token-{n}": PodIdentity("payments", f"pod-{n}", f"uid-{n}") for n in range(sessions + WARM)}
    server = CollectorServer(folder, pods=pods)
    server.start()
    assert server.process is not None
    tls = ssl.create_default_context(cadata=server.ca)
    connections: list[ClientConnection] = []
    try:
        tokens = iter(pods.items())
        for token, pod in itertools.islice(tokens, WARM):
            connections.append(await _open(server, tls, token, pod))
        before, start = _resident(server.process.pid), time.perf_counter()
        for token, pod in itertools.islice(tokens, sessions // 2):
            connections.append(await _open(server, tls, token, pod))
        half = _resident(server.process.pid)
        for token, pod in tokens:
            connections.append(await _open(server, tls, token, pod))
        rate = sessions / (time.perf_counter() - start)
        await asyncio.sleep(2)
        after = _resident(server.process.pid)
        kib, later = (after - before) / sessions, (after - half) / (sessions - sessions // 2)
    finally:
        server.kill()
        for connection in connections:
            connection.transport.abort()
    rows: list[Row] = [(str(sessions), f"{kib:.1f}", f"{later:.1f}", f"{rate:.0f}")]
    print_table(("sessions at once", "KiB each, idle", "of the second half", "begun/s"), rows)
    return {
        "sessions": sessions,
        "idle_session_kib": kib,
        "later_idle_session_kib": later,
        "sessions_begun_per_s": rate,
    }


async def _open(
    server: CollectorServer, tls: ssl.SSLContext, token: str, pod: PodIdentity
) -> ClientConnection:
    made = server.authority.session(pod)
    connection = await connect(
        server.url, ssl=tls, additional_headers={"Authorization": f"Bearer {token}"}, compression=None
    )
    for message in (Hello("0.1.0", time.time_ns()), Open(made.session, made.token)):
        await connection.send(encode(message))
        decode_from_collector(cast("bytes", await connection.recv()))
    await connection.send(encode(Frames(made.session, (made.start(), made.out(b"$ ")))))
    await connection.recv()
    return connection


def _resident(pid: int) -> float:
    """Give a process's own memory in KiB (proc_pid_smaps(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Private_Dirty:"):
            return float(line.split()[1])
    raise RuntimeError("the kernel does not say")
