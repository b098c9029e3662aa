"""The record kept: one contract, an embedded SQLite store and an OpenSearch store under the same tests.

Only the collector writes, through ``contract.Store``; readers of the record use the same contract.
"""

from webhook.store.contract import Store
from webhook.store.settings import OpenSearchSettings, SqliteSettings, StoreSettings, store_settings

__all__ = ["OpenSearchSettings", "SqliteSettings", "Store", "StoreSettings", "open_store", "store_settings"]


def open_store(settings: StoreSettings) -> Store:
    """Give the store that the settings name, not prepared yet. Nothing is opened before it is used."""
    if isinstance(settings, SqliteSettings):
        from webhook.store.sqlite.store import SqliteStore  # noqa: PLC0415  only the chosen store is loaded

        return SqliteStore(settings.path)
    from webhook.store.opensearch.store import OpenSearchStore  # noqa: PLC0415  costs 40 MiB of memory

    return OpenSearchStore(settings)
