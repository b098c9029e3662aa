"""A served audit API over a store with one session of each kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_client import ApiServer
from audit_samples import keep_all
from audit_server import Served, serve

from webhook.store import SqliteSettings, open_store
from webhook.store.contract import SessionRecord, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(SqliteSettings(tmp_path / "store.db"))
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture
def kept(store: Store) -> dict[str, SessionRecord]:
    return keep_all(store)


@pytest.fixture
def served(store: Store, kept: dict[str, SessionRecord], tmp_path: Path) -> Iterator[Served]:
    with serve(store, tmp_path) as running:
        yield running


@pytest.fixture
def api(served: Served) -> ApiServer:
    """Asks as the API server does."""
    return ApiServer(served, served.proxy)
