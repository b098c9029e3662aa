"""Commands of any length, as of agents that send whole files in their arguments."""

import pytest
from audit_samples import FAILING, Sample, keep
from cli_runner import Chaperone

from webhook.store.contract import SessionRecord, Store

BIG = "x" * 130_000
ARGV = ("sh", "-c", "echo needle ${#1}", "sh", BIG)
SAID = f"needle {BIG} needle"


@pytest.fixture(scope="module", autouse=True)
def big(store: Store) -> SessionRecord:
    """The newest session, beside those of every kind."""
    return keep(store, Sample({"argv": ARGV}, FAILING.events, SAID), offset_ms=700_000)


@pytest.mark.parametrize("form", ["table", "wide"])
def test_a_piped_list_is_no_wider_for_one_long_command(chaperone: Chaperone, form: str) -> None:
    header, long, *others = chaperone.process("sessions", "list", "-o", form).out.splitlines()
    assert "sh -c echo needle ${#1} sh xxx" in long
    assert "x…  " in long
    assert max(map(len, (header, long, *others))) < 400
    assert long.count("x") < 200


def test_a_long_command_is_whole_where_it_alone_is_shown(chaperone: Chaperone, big: SessionRecord) -> None:
    assert BIG in chaperone.process("sessions", "show", big.session).out
    assert chaperone.run("sessions", "show", big.session, "-o", "json").json["spec"]["command"][-1] == BIG
    listed = chaperone.run("sessions", "list", "-o", "json").json["items"]
    assert listed[0]["spec"]["command"][-1] == BIG


def test_a_piped_search_is_no_wider_for_one_long_command(chaperone: Chaperone) -> None:
    lines = chaperone.process("search", "needle").out.splitlines()
    assert len(lines) >= 2
    assert max(map(len, lines)) < 300
