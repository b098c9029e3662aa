"""Checkpoints leave the store: into a ConfigMap and into the log, so that others can keep them."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from sidecar.contract.errors import CallerError
from webhook.collector.book import Book
from webhook.collector.sealing import Sealing
from webhook.ledger.checkpoints import Checkpoint
from webhook.ledger.entries import Exported, read_certificate, write_certificate
from webhook.ledger.keys import KeyRing, LedgerKey
from webhook.ledger.notes import read_note
from webhook.trust.secrets import Vault

_log = logging.getLogger(__name__)
CHECKPOINT: Final = "checkpoint"
CERTIFICATE: Final = "certificate"
Data = dict[str, str]


class Place(Protocol):
    """Where the newest checkpoint is put. Methods block and raise ClusterError."""

    def read(self) -> Data:
        """Give what is there."""
        ...

    def change(self, change: Callable[[Data], Data]) -> None:
        """Put there what ``change`` makes of what is there, whoever else does the same."""
        ...


class ConfigMapPlace:
    """A ConfigMap that the admission side has made."""

    def __init__(self, vault: Vault, name: str) -> None:
        self._vault = vault
        self._name = name

    def read(self) -> Data:
        """Give its data."""
        return self._vault.config(self._name) or {}

    def change(self, change: Callable[[Data], Data]) -> None:
        """Change its data."""
        self._vault.change_config(self._name, change)


class Checkpoints:
    """Signs checkpoints and gives them out. Methods block and raise ClusterError."""

    def __init__(
        self,
        book: Book,
        sealing: Sealing,
        place: Place,
        *,
        key: Callable[[], LedgerKey],
        roots: Callable[[], tuple[bytes, ...]],
    ) -> None:
        self._book = book
        self._sealing = sealing
        self._place = place
        self._key = key
        self._roots = roots
        self._logged = ""

    def give_out(self) -> Exported:
        """Give the newest checkpoint, after everybody else can have it too."""
        origin, roots = self._book.origin, self._roots()
        given = given_out(self._place.read(), origin, roots)
        exported = self._book.checkpoint(
            sealed_through=self._sealing.through, given=[given] if given is not None else []
        )
        certificate = write_certificate(self._key().certificate)

        def newer(kept: Data) -> Data:
            there = given_out(kept, origin, roots)
            if there is not None and there.size >= exported.size:
                return kept
            return {CHECKPOINT: exported.checkpoint, CERTIFICATE: certificate}

        self._log(exported)
        self._place.change(newer)
        return exported

    def _log(self, exported: Exported) -> None:
        if exported.checkpoint != self._logged:
            origin, size, root = read_note(exported.checkpoint).text.split("\n")[:3]
            _log.info("ledger checkpoint origin=%s size=%s root=%s", origin, size, root)
            self._logged = exported.checkpoint


def given_out(data: Mapping[str, str], origin: str, roots: tuple[bytes, ...]) -> Checkpoint | None:
    """Give the checkpoint that a ConfigMap holds; None, and a warning, when it is not one of this ledger."""
    if CHECKPOINT not in data:
        return None
    ring = KeyRing(origin, roots)
    try:
        ring.add(read_certificate(data.get(CERTIFICATE, "")))
        return ring.open_checkpoint(data[CHECKPOINT])
    except CallerError as error:
        _log.warning("the checkpoint that was given out is not this ledger's, and is replaced: %s", error)
        return None
