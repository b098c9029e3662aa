"""Which store, and how to reach it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from sidecar.contract.errors import ConfigurationError


@dataclass(frozen=True)
class SqliteSettings:
    """The embedded store."""

    path: Path
    """The database file; its folder must allow the files ``-wal`` and ``-shm`` beside it."""


@dataclass(frozen=True)
class OpenSearchSettings:
    """An OpenSearch cluster, version 2.19 or newer."""

    url: str
    """``https://host:port``, without user or password."""
    prefix: str = "chaperone"
    """Start of the names of all indices, data streams and templates."""
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    """PEM certificates to trust instead of the system's."""
    certificate_file: Path | None = None
    """PEM client certificate, instead of user and password."""
    key_file: Path | None = None
    replicas: int = 0
    """Copies of each shard beside the first."""
    removing_username: str = ""
    """Who removes what is too old; whoever writes, when it is empty."""
    removing_password: str = field(default="", repr=False)
    hot_months: int = 3
    """Months after which indices are stored for rare use."""
    timeout_seconds: float = 30.0
    """Longest wait for one answer."""
    retry_seconds: float = 20.0
    """How long a write is tried again while the cluster says it is overloaded (429, 503)."""

    def for_removing(self) -> "OpenSearchSettings":
        """Give the settings of whoever removes."""
        return replace(
            self,
            username=self.removing_username,
            password=self.removing_password,
            certificate_file=None,
            key_file=None,
        )


StoreSettings = SqliteSettings | OpenSearchSettings


def store_settings(environment: Mapping[str, str]) -> StoreSettings:
    """Read ``CHAPERONE_STORE`` (``sqlite:///path`` or ``https://host:port``) and what belongs to it.

    For OpenSearch: ``CHAPERONE_STORE_PREFIX``, ``_USERNAME``, ``_PASSWORD_FILE``, ``_CA_FILE``,
    ``_CERTIFICATE_FILE``, ``_KEY_FILE``, ``_REPLICAS``, ``_REMOVING_USERNAME``, ``_REMOVING_PASSWORD_FILE``,
    ``_HOT_MONTHS``. Raises ConfigurationError.
    """
    text = environment.get("CHAPERONE_STORE", "sqlite:///var/lib/chaperone/store.db")
    url = urlsplit(text)
    if url.scheme == "sqlite" and not url.netloc and url.path:
        return SqliteSettings(Path(url.path))
    if url.scheme not in {"http", "https"} or not url.hostname or url.username or url.password:
        raise ConfigurationError(
            "CHAPERONE_STORE must be sqlite:///path or https://host:port;"
            " user and password have variables of their own"
        )
    return _opensearch_settings(text, environment)


def _opensearch_settings(url: str, environment: Mapping[str, str]) -> OpenSearchSettings:
    def text(name: str, default: str = "") -> str:
        return environment.get(f"CHAPERONE_STORE_{name}", default)

    def path(name: str) -> Path | None:
        return Path(text(name)) if text(name) else None

    def secret(name: str) -> str:
        file = path(name)
        try:
            return file.read_text().strip() if file else ""
        except OSError as error:
            raise ConfigurationError(f"CHAPERONE_STORE_{name} cannot be read: {error.strerror}") from None

    def number(name: str, default: str) -> int:
        try:
            return int(text(name, default))
        except ValueError:
            raise ConfigurationError(f"CHAPERONE_STORE_{name} must be a number") from None

    return OpenSearchSettings(
        url,
        prefix=text("PREFIX", "chaperone"),
        username=text("USERNAME"),
        password=secret("PASSWORD_FILE"),
        removing_username=text("REMOVING_USERNAME"),
        removing_password=secret("REMOVING_PASSWORD_FILE"),
        hot_months=number("HOT_MONTHS", "3"),
        ca_file=path("CA_FILE"),
        certificate_file=path("CERTIFICATE_FILE"),
        key_file=path("KEY_FILE"),
        replicas=number("REPLICAS", "0"),
    )
