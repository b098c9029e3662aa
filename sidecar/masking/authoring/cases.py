"""The cases that the masking policies carry, tried on the engine: what ``chaperone policy test`` runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.contract.errors import ConfigurationError
from sidecar.masking.authoring import cards_module, context_module
from sidecar.masking.authoring.user_rules import load_rules
from sidecar.masking.engine import Engine
from sidecar.masking.model import Profile

if TYPE_CHECKING:
    from pathlib import Path


def failures(folder: Path) -> list[str]:
    """What is wrong with the masking policies in ``folder``, one line each; nothing if all is well.

    A line names file and case, never what a case holds.
    """
    cards = cards_module.parse((folder / "cards.yaml").read_bytes())
    context = context_module.parse_context((folder / "context.yaml").read_bytes())
    sad = context_module.parse_sad((folder / "sad.yaml").read_bytes())
    strict, modern = (Engine.load(profile).masks() for profile in (Profile.STRICT, Profile.MODERN))
    bad: list[str] = []
    for number, text in enumerate(cards.positive, start=1):
        if not strict(text.encode())[1]:
            bad.append(f"cards.yaml: positive case {number} is not masked")
    for number, case in enumerate(sad.positive, start=1):
        if strict(case.text.encode())[0] != case.masked.encode():
            bad.append(f"sad.yaml: positive case {number} is not masked as it says")
    negative = {"cards.yaml": cards.negative, "context.yaml": context.negative, "sad.yaml": sad.negative}
    for file, texts in negative.items():
        for number, text in enumerate(texts, start=1):
            if strict(text.encode())[1] or modern(text.encode())[1]:
                bad.append(f"{file}: negative case {number} is masked")
    for file in sorted(folder.glob("rules/*.yaml")):
        try:
            load_rules(file.read_bytes(), f"rules/{file.name}")
        except ConfigurationError as error:
            bad.append(str(error))
    return bad
