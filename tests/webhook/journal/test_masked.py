"""Whatever field a number is in, it does not leave."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from told import event

from sidecar.contract.sealing import Identity
from sidecar.masking import Engine, Profile
from webhook.journal.masked import masked

PAN = "4111111111111111"
MASK = Engine.load(Profile.STRICT).masks()


@pytest.mark.parametrize(
    "changes",
    [
        {"asked": f"exec {PAN}"},
        {"argv": ("echo", PAN)},
        {"argv": ("echo", "4111", "1111", "1111", "1111")},
        {"reason": f"card {PAN}"},
        {"requester": PAN},
        {"details": {"x": f"card {PAN}"}},
        {"actor": f"user-{PAN}"},
    ],
)
def test_a_number_is_masked_in_every_field(changes: dict[str, Any]) -> None:
    shown, found = masked(event(**changes), MASK)
    text = msgspec.json.encode(shown).decode()
    assert found == 1
    assert PAN not in text.replace('","', "")


@given(st.lists(st.text(max_size=8), max_size=5))
def test_arguments_stay_apart(argv: list[str]) -> None:
    told = event(argv=tuple(argv), actor="bob")
    shown, found = masked(told, MASK)
    assert not found
    assert shown.argv == tuple(part.encode("utf-8", "replace").decode() for part in argv)
    assert shown.actor == Identity("bob")
