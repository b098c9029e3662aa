"""The command line before a served audit API, through a front that does the API server's part."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit_front import AUDITOR, Front, front
from audit_samples import keep_all
from audit_server import serve
from cli_runner import Chaperone

from webhook.store import SqliteSettings, open_store
from webhook.store.contract import SessionRecord, Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[Store]:
    opened = open_store(SqliteSettings(folder / "store.db"))
    opened.prepare()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def kept(store: Store) -> dict[str, SessionRecord]:
    return keep_all(store)


@pytest.fixture(scope="module")
def standing(store: Store, kept: dict[str, SessionRecord], folder: Path) -> Iterator[Front]:
    with serve(store, folder) as served, front(served) as running:
        yield running


@pytest.fixture
def trouble(standing: Front) -> Iterator[Callable[[str], None]]:
    """Let the front answer as when the APIService is ``missing`` or ``unavailable``."""

    def begin(kind: str) -> None:
        standing.trouble = kind

    yield begin
    standing.trouble = ""


@pytest.fixture(scope="module")
def chaperone(standing: Front, folder: Path) -> Chaperone:
    """The command line as an auditor."""
    return Chaperone(standing.kubeconfig(folder, AUDITOR))
