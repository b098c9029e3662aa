"""An embedded store, an installation's keys, and a recorder's connection over both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from intake_desk import Desk
from recorded import Authority

from webhook.store.sqlite.store import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "store.db")
    store.prepare()
    yield store
    store.close()


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def desk(store: SqliteStore, authority: Authority) -> Desk:
    return Desk(store, authority.trust).greet()
