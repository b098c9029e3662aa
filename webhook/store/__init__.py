"""The record kept: one contract, an embedded SQLite store and an OpenSearch store under the same tests.

Only the collector writes, through ``contract.Store``; readers of the record use the same contract.
"""

from webhook.store.contract import Store
from webhook.store.settings import OpenSearchSettings, SqliteSettings, StoreSettings, store_settings

__all__ = ["OpenSearchSettings", "SqliteSettings", "Store", "StoreSettings", "open_store", "store_settings"]


def open_store(settings: StoreSettings) -> Store:
    """Give the store that the settings name, not prepared yet. Nothing is opened before it is used."""
    from webhook.store.sqlite.store import SqliteStore  # noqa: PLC0415  load one store's library, not both

    if isinstance(settings, SqliteSettings):
        return SqliteStore(settings.path)
    raise NotImplementedError
