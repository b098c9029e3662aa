"""The last request for an action is found by name, whatever was known of it a moment ago."""

from typing import Any, cast

import msgspec
import pytest
from approvals import NOW, after, needed, pending
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals.objects import ApprovalRequest, Phase
from webhook.approvals.tickets import KubeTickets
from webhook.kube.api import KubeApi, Reply

FIRST = pending(question(), needed(BUILTIN))
BASE, PLACE = FIRST.metadata.name.removesuffix("-1"), FIRST.metadata.namespace


def number(which: int, phase: Phase = Phase.USED) -> ApprovalRequest:
    metadata = replace(FIRST.metadata, name=f"{BASE}-{which}")
    return replace(FIRST, metadata=metadata, status=replace(FIRST.status, phase=phase))


class Server:
    """Answers GET from some objects, and counts."""

    def __init__(self, *kept: ApprovalRequest) -> None:
        self._kept = {ticket.metadata.name: ticket for ticket in kept}
        self.read: list[str] = []

    def request(self, method: str, path: str, **_: Any) -> Reply:
        assert method == "GET"
        name = path.rpartition("/")[2]
        if "?" in name:
            self.read.append("list")
            return Reply(200, msgspec.json.encode({"items": list(self._kept.values())}))
        self.read.append(name.removeprefix(f"{BASE}-"))
        found = self._kept.get(name)
        return Reply(404, b"{}") if found is None else Reply(200, msgspec.json.encode(found))

    def get(self, path: str, kind: Any, **_: Any) -> Any:
        reply = self.request("GET", path)
        return None if reply.status == 404 else reply.decode(kind)


ONE_OPEN = (number(1, Phase.PENDING),)
THREE = (number(1), number(2), number(3, Phase.PENDING))
OVER = (number(1), number(2))
CASES: dict[str, tuple[tuple[ApprovalRequest, ...], int | None, int, list[str]]] = {
    "none": ((), 0, 0, ["1"]),
    "the first is open": (ONE_OPEN, 1, 1, ["1"]),
    "the first is not known yet": (ONE_OPEN, 0, 1, ["1"]),
    "the last is not known yet": (THREE, 1, 3, ["1", "2", "3"]),
    "the last is over": (OVER, 2, 2, ["2", "3"]),
    "the known one was removed": (ONE_OPEN, 2, 1, ["2", "list"]),
    "nothing is known": (THREE, None, 3, ["list"]),
    "nothing is known or there": ((), None, 0, ["list"]),
}


@pytest.mark.parametrize("case", CASES)
def test_the_last_is_found(case: str) -> None:
    kept, known, expected, read = CASES[case]
    server = Server(*kept)
    tickets = KubeTickets(cast("KubeApi", server), seconds=1, known=lambda namespace, base: known)
    found = tickets.last(PLACE, BASE, NOW)
    assert (0 if found is None else int(found.metadata.name.rpartition("-")[2])) == expected
    assert server.read == read


def test_one_whose_time_has_passed_unnoticed_is_not_the_last() -> None:
    server = Server(number(1, Phase.PENDING), number(2, Phase.PENDING))
    tickets = KubeTickets(cast("KubeApi", server), seconds=1, known=lambda namespace, base: 1)
    found = tickets.last(PLACE, BASE, after(3601))
    assert found is not None
    assert found.metadata.name == f"{BASE}-2"
