"""The readers of one profile, each compiled when it is first needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.masking.alphabets import alphabet
from sidecar.masking.emv import Emv
from sidecar.masking.iso8583 import Iso8583
from sidecar.masking.keyed import Keyed
from sidecar.masking.padded import PaddedReader
from sidecar.masking.pan import NumberReader
from sidecar.masking.sad_table import KEYED
from sidecar.masking.tracks import Track1, Track2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sidecar.masking.cards import CardTable
    from sidecar.masking.patterns import Route, Sieve
    from sidecar.masking.sad import Detector

_KINDS = (Track1, Track2, Emv, Iso8583)


class Readers:
    """Gives readers and detectors by name; shared by all streams of the profile."""

    def __init__(self, table: CardTable, routes: Mapping[Sieve, Sequence[Route]]) -> None:
        self.table = table
        self.routes = routes
        self.padded = PaddedReader(table)
        self._numbers: dict[str, NumberReader] = {}
        self._detectors: dict[str, Detector] = {}

    def number(self, name: str) -> NumberReader:
        """The reader of the alphabet ``name``."""
        reader = self._numbers.get(name)
        if reader is None:
            reader = self._numbers[name] = NumberReader(alphabet(name), self.table)
        return reader

    def detector(self, name: str) -> Detector:
        """The detector ``name``."""
        known = self._detectors.get(name)
        if known is None:
            known = self._detectors[name] = self._compiled(name)
        return known

    def _compiled(self, name: str) -> Detector:
        for rule in KEYED:
            if rule.name == name:
                return Keyed(rule)
        return next(kind for kind in _KINDS if kind.name == name)(self.table)
