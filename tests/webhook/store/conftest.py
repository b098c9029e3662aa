"""The stores, each empty, behind one fixture."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opensearch_secure import Secure

from webhook.store import SqliteSettings, StoreSettings, open_store
from webhook.store.contract import Store


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("opensearch", marks=pytest.mark.opensearch),
        pytest.param("opensearch-secured", marks=[pytest.mark.opensearch, pytest.mark.long]),
    ]
)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """Where an empty store is: in a file, in the newest OpenSearch, or in 2.19 with users and roles."""
    if request.param == "sqlite":
        return SqliteSettings(tmp_path / "store" / "store.db")
    if request.param == "opensearch":
        return request.getfixturevalue("opensearch_settings")
    secure = request.getfixturevalue("secure")
    assert isinstance(secure, Secure)
    secure.remove_documents()
    return secure.settings("writer", removing="retention")


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
