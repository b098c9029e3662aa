"""Checkpoints on their way out of the cluster: to files and to a web hook, tried again until they are there.

A newer checkpoint covers what an older one did, so the newest is the one that is tried. Whether it gets out
never decides whether it is signed; that it does not is a control that failed.
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import urllib3

from sidecar.contract.errors import ClusterError
from webhook.ledger.entries import Exported

_log = logging.getLogger(__name__)
CERTIFICATE_HEADER: Final = "Chaperone-Certificate"
PAUSES: Final = (5.0, 15.0, 60.0, 300.0)
"""Before each further try, seconds; the last one again and again."""
WEB_SECONDS: Final = 10.0
URL_FILE: Final = "url"
AUTHORIZATION_FILE: Final = "authorization"
CA_FILE: Final = "ca.crt"


class ExportError(ClusterError):
    """A checkpoint did not get out. The text says why, and holds neither URL nor token."""


class Target(Protocol):
    """Where checkpoints go."""

    @property
    def name(self) -> str:
        """What it is called in logs and audit events."""
        ...

    def deliver(self, exported: Exported, certificate: str) -> None:
        """Put a checkpoint there, and its key's certificate. Blocks. Raises ExportError."""
        ...


class FileTarget:
    """A folder, with a file for each checkpoint."""

    name = "the folder for checkpoints"

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def deliver(self, exported: Exported, certificate: str) -> None:
        """Write ``checkpoint-SIZE.txt`` and its certificate, unless they are there: files never change."""
        name = f"checkpoint-{exported.size:012}"
        try:
            self._write(f"{name}.certificate", certificate)
            self._write(f"{name}.txt", exported.checkpoint)
        except OSError as error:
            raise ExportError(error.strerror or type(error).__name__) from None

    def _write(self, name: str, text: str) -> None:
        path = self._directory / name
        if path.exists():
            return
        partial = self._directory / f".{name}.part"
        with partial.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)


class WebTarget:
    """A web hook: the signed checkpoint is posted as text, the certificate is in a header.

    What it needs to know is in a mounted Secret: ``url``, and where they are needed ``authorization``, the
    header's value, and ``ca.crt``.
    """

    name = "the web hook for checkpoints"

    def __init__(self, secret: Path, *, seconds: float = WEB_SECONDS) -> None:
        self._secret = secret
        self._seconds = seconds

    def deliver(self, exported: Exported, certificate: str) -> None:
        """Post it; any answer from 200 to 299 means that it is taken."""
        url, authorization = self._read(URL_FILE), self._read(AUTHORIZATION_FILE)
        _check_url(url, with_secret=bool(authorization))
        ca = self._secret / CA_FILE
        headers = {"Content-Type": "text/plain; charset=utf-8", CERTIFICATE_HEADER: certificate}
        if authorization:
            headers["Authorization"] = authorization
        try:
            with urllib3.PoolManager(ca_certs=str(ca) if ca.exists() else None) as pool:
                answer = pool.request(
                    "POST",
                    url,
                    body=exported.checkpoint.encode(),
                    headers=headers,
                    timeout=self._seconds,
                    retries=False,
                    redirect=False,
                )
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise ExportError(f"it cannot be reached ({type(error).__name__})") from None
        if not 200 <= answer.status < 300:
            raise ExportError(f"it answered {answer.status}")

    def _read(self, name: str) -> str:
        try:
            return (self._secret / name).read_text().strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise ExportError(f"its Secret cannot be read ({type(error).__name__})") from None


def _check_url(url: str, *, with_secret: bool) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"https", "http"} and bool(parts.hostname)
    except ValueError:
        sound = False
        parts = None
    if not sound:
        raise ExportError(f"its Secret holds no https:// address under {URL_FILE}")
    if parts is not None and parts.scheme == "http" and with_secret:
        raise ExportError("its address is not https://, and a token does not go out in the clear")


@dataclass
class _State:
    """How far a target is."""

    target: Target
    size: int = -1
    failures: int = 0
    try_at: float = 0.0


class Exporting:
    """Delivers the newest checkpoint to all targets. :meth:`deliver` blocks; used by one thread at a time."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        failed: Callable[[str], None],
        recovered: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        """``failed`` is told once when a target begins to fail, ``recovered`` when it works again."""
        self._states = [_State(target) for target in targets]
        self._failed = failed
        self._recovered = recovered
        self._monotonic = monotonic
        self._newest: tuple[Exported, str] | None = None

    def take(self, exported: Exported, certificate: str) -> None:
        """Take a checkpoint that was signed."""
        if self._newest is None or exported.size >= self._newest[0].size:
            self._newest = exported, certificate

    def deliver(self) -> None:
        """Try what is due. Never raises."""
        newest = self._newest
        if newest is None:
            return
        for state in self._states:
            if state.size < newest[0].size and self._monotonic() >= state.try_at:
                self._try(state, *newest)

    def _try(self, state: _State, exported: Exported, certificate: str) -> None:
        name = state.target.name
        try:
            state.target.deliver(exported, certificate)
        except ExportError as error:
            state.try_at = self._monotonic() + PAUSES[min(state.failures, len(PAUSES) - 1)]
            state.failures += 1
            _log.warning("checkpoint %d is not exported to %s: %s", exported.size, name, error)
            if state.failures == 1:
                self._failed(f"checkpoints of the ledger cannot be exported to {name}: {error}")
        else:
            state.size, state.try_at = exported.size, 0.0
            if state.failures:
                self._recovered(f"checkpoints of the ledger are exported to {name} again")
            state.failures = 0
