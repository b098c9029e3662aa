"""The cases that the masking policies carry, tried on the engine: what ``chaperone policy test`` runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from sidecar.contract.errors import ConfigurationError
from sidecar.masking.authoring.cards_module import CardsFile
from sidecar.masking.authoring.context_module import ContextFile, SadFile
from sidecar.masking.authoring.documents import Document, RefusedError, read
from sidecar.masking.authoring.user_rules import check_all
from sidecar.masking.engine import Engine
from sidecar.masking.model import Finding, Profile

if TYPE_CHECKING:
    from pathlib import Path

Mask = Callable[[bytes], tuple[bytes, list[Finding]]]
TABLES = ("cards.yaml", "context.yaml", "sad.yaml")
_SUFFIXES = frozenset((".yaml", ".yml"))


class Tried(NamedTuple):
    """How many cases hold, and what is wrong: ``file:line: reason`` each, never what a case holds."""

    held: int
    failures: tuple[str, ...]


def try_cases(path: Path) -> Tried:
    """Try the cases of a folder of masking policies, or of one file of rules.

    In a folder these are ``cards.yaml``, ``context.yaml``, ``sad.yaml`` and ``rules/*.yaml`` (or ``.yml``),
    as far as they are there. The tables' cases are tried on the tables that this engine was built with.
    Raises ConfigurationError where nothing is found or a file cannot be read.
    """
    if path.is_dir():
        tables = [path / name for name in TABLES if (path / name).exists()]
        rules = sorted(file for file in path.glob("rules/*") if file.suffix in _SUFFIXES)
    else:
        tables, rules = [], [path]
    if not tables and not rules:
        raise ConfigurationError(f"{path}: no masking policies here: no {', '.join(TABLES)}, no rules/*.yaml")
    found = [_table(file) for file in tables] + [_rules(path, rules)]
    return Tried(sum(tried.held for tried in found), tuple(bad for tried in found for bad in tried.failures))


def failures(folder: Path) -> list[str]:
    """What is wrong with the masking policies in ``folder``, one line each; nothing if all is well."""
    return list(try_cases(folder).failures)


def content_of(file: Path) -> bytes:
    """What is in ``file``; raises ConfigurationError that names it."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None


def _rules(root: Path, files: list[Path]) -> Tried:
    """The rules of all ``files``, whose names must differ."""
    base = root if root.is_dir() else root.parent
    checked = check_all([(str(file.relative_to(base)), content_of(file)) for file in files])
    return Tried(checked.cases, tuple(map(str, checked.refused)))


def _table(file: Path) -> Tried:
    try:
        document = read(content_of(file), file.name)
        bad = list(_KINDS[file.name](document))
    except RefusedError as error:
        return Tried(0, (str(error),))
    cases = len(document.at("positive").items()) + len(document.at("negative").items())
    return Tried(cases - len(bad), tuple(bad))


def _cards(document: Document) -> list[str]:
    document.to(CardsFile)
    (strict,) = _masks(Profile.STRICT)
    bad = [
        str(case.refused(f"positive case {number} is not masked"))
        for number, case in enumerate(document.at("positive").items(), start=1)
        if not strict(str(case.value).encode())[1]
    ]
    return bad + _negative(document)


def _context(document: Document) -> list[str]:
    document.to(ContextFile)
    return _negative(document)


def _sad(document: Document) -> list[str]:
    table = document.to(SadFile)
    (strict,) = _masks(Profile.STRICT)
    places = document.at("positive").items()
    bad = [
        str(place.refused(f"positive case {number} is not masked as it says"))
        for number, (case, place) in enumerate(zip(table.positive, places, strict=True), start=1)
        if strict(case.text.encode())[0] != case.masked.encode()
    ]
    return bad + _negative(document)


def _negative(document: Document) -> list[str]:
    masks = _masks(*Profile)
    return [
        str(case.refused(f"negative case {number} is masked"))
        for number, case in enumerate(document.at("negative").items(), start=1)
        if any(mask(str(case.value).encode())[1] for mask in masks)
    ]


def _masks(*profiles: Profile) -> list[Mask]:
    return [Engine.load(profile).masks() for profile in profiles]


_KINDS: dict[str, Callable[[Document], list[str]]] = {
    "cards.yaml": _cards,
    "context.yaml": _context,
    "sad.yaml": _sad,
}
