"""Both stores, each empty, behind one fixture."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opensearch_server import opensearch_url, remove_all, remove_documents

from webhook.store import OpenSearchSettings, SqliteSettings, StoreSettings, open_store
from webhook.store.contract import Store


@pytest.fixture(scope="session")
def opensearch() -> Iterator[str]:
    """The address of a real OpenSearch."""
    with opensearch_url() as url:
        yield url


@pytest.fixture(scope="session")
def opensearch_corner(opensearch: str) -> Iterator[OpenSearchSettings]:
    """A corner of a real OpenSearch that goes away at the end."""
    prefix = f"test-{secrets.token_hex(4)}"
    yield OpenSearchSettings(opensearch, prefix=prefix)
    remove_all(opensearch, prefix)


@pytest.fixture
def opensearch_settings(opensearch_corner: OpenSearchSettings) -> OpenSearchSettings:
    """An empty corner of a real OpenSearch."""
    remove_documents(opensearch_corner.url, opensearch_corner.prefix)
    return opensearch_corner


@pytest.fixture(params=["sqlite", pytest.param("opensearch", marks=pytest.mark.opensearch)])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """Where an empty store is."""
    if request.param == "sqlite":
        return SqliteSettings(tmp_path / "store" / "store.db")
    return request.getfixturevalue("opensearch_settings")


@pytest.fixture
def opened(settings: StoreSettings) -> Iterator[Callable[[], Store]]:
    """Open the same store again, as another process or a restarted one would."""
    stores: list[Store] = []

    def open_again() -> Store:
        store = open_store(settings)
        stores.append(store)
        store.prepare()
        return store

    yield open_again
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    return opened()
