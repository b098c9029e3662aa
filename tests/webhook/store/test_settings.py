"""Settings are read once, from the environment, and passwords are not shown."""

from pathlib import Path

import pytest

from sidecar.contract.errors import ConfigurationError
from webhook.store import OpenSearchSettings, SqliteSettings, open_store, store_settings
from webhook.store.sqlite.store import SqliteStore


def test_the_default_is_embedded() -> None:
    settings = store_settings({})
    assert settings == SqliteSettings(Path("/var/lib/chaperone/store.db"))
    assert isinstance(open_store(settings), SqliteStore)


def test_opensearch_has_its_variables(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    settings = store_settings(
        {
            "CHAPERONE_STORE": "https://search.example:9200",
            "CHAPERONE_STORE_PREFIX": "audit",
            "CHAPERONE_STORE_USERNAME": "writer",
            "CHAPERONE_STORE_PASSWORD_FILE": str(tmp_path / "password"),
            "CHAPERONE_STORE_CA_FILE": "/ca.pem",
            "CHAPERONE_STORE_REPLICAS": "1",
            "CHAPERONE_STORE_REMOVING_USERNAME": "remover",
            "CHAPERONE_STORE_REMOVING_PASSWORD_FILE": str(tmp_path / "password"),
            "CHAPERONE_STORE_HOT_MONTHS": "6",
        }
    )
    assert settings == OpenSearchSettings(
        "https://search.example:9200",
        prefix="audit",
        username="writer",
        password="hunter2",
        ca_file=Path("/ca.pem"),
        replicas=1,
        removing_username="remover",
        removing_password="hunter2",
        hot_months=6,
    )
    assert isinstance(settings, OpenSearchSettings)
    removing = settings.for_removing()
    assert (removing.username, removing.password) == ("remover", "hunter2")
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    "environment",
    [
        {"CHAPERONE_STORE": "sqlite://host/path"},
        {"CHAPERONE_STORE": "/just/a/path"},
        {"CHAPERONE_STORE": "https://"},
        {"CHAPERONE_STORE": "https://user:hunter2@host:9200"},
        {"CHAPERONE_STORE": "https://host", "CHAPERONE_STORE_REPLICAS": "many"},
        {"CHAPERONE_STORE": "https://host", "CHAPERONE_STORE_HOT_MONTHS": "some"},
        {"CHAPERONE_STORE": "https://host", "CHAPERONE_STORE_PASSWORD_FILE": "/nowhere/at/all"},
        {"CHAPERONE_STORE": "https://host", "CHAPERONE_STORE_REMOVING_PASSWORD_FILE": "/nowhere/at/all"},
    ],
)
def test_what_cannot_work_is_refused_without_secrets(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        store_settings(environment)
    assert "hunter2" not in str(caught.value)
