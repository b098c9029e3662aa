"""Whose own programs run under the shim, and cases that say it."""

import msgspec
import pytest
from policy_samples import Object, compiled, policy, rule

from webhook.policy.cases import failures
from webhook.policy.decision import MainProcess
from webhook.policy.loading import read_object
from webhook.policy.own_programs import chosen, chosen_of

ALL, TILLS = MainProcess("p", "all"), MainProcess("p", "tills", ("till-?", "first"))


def test_without_names_all_but_init_containers_are_chosen() -> None:
    assert chosen([ALL], ["app", "side"], ["first"]) == {"app": (ALL,), "side": (ALL,)}
    assert chosen([], ["app"], ["first"]) == {}


def test_names_choose_init_containers_too_and_each_rule_that_does_is_named() -> None:
    found = chosen([TILLS, ALL], ["till-1", "till-10"], ["first", "second"])
    assert found == {"first": (TILLS,), "till-1": (TILLS, ALL), "till-10": (ALL,)}


def test_the_recorder_is_no_container_of_theirs() -> None:
    every = MainProcess("p", "every", ("*",))
    assert chosen([every], ["app"], ["chaperone-recorder"]) == {"app": (every,)}


@pytest.mark.parametrize("pod", [{}, {"spec": None}, {"spec": {"containers": "no list"}}, {"spec": [1]}])
def test_what_is_no_pod_has_none(pod: Object) -> None:
    assert chosen_of([ALL], pod) == {}


POD = {"spec": {"containers": [{"name": "app"}], "initContainers": [{"name": "first"}]}}


@pytest.mark.parametrize(
    ("main_process", "expected", "said"),
    [
        ({}, {"mainProcess": ["app"]}, ""),
        ({}, {}, ""),
        ({}, {"mainProcess": []}, "expected the programs of no container under the shim, got app"),
        ({}, {"mainProcess": ["first", "app"]}, "programs of app, first under the shim, got app"),
        ({"recorded": True}, {"mainProcess": ["app"], "recorded": ["app"]}, ""),
        ({"recorded": True}, {"recorded": []}, "expected the programs of no container recorded, got app"),
        ({}, {"recorded": ["app"]}, "expected the programs of app recorded, got no container"),
    ],
)
def test_a_case_may_say_whose(main_process: Object, expected: Object, said: str) -> None:
    case: Object = {"name": "logs", "ask": {"door": "pod", "object": POD}, "action": "audit", **expected}
    document = policy(rule("audit", match={"doors": ["pod"]}, mainProcess=main_process), cases=[case])
    read, place = read_object(msgspec.json.encode(document))
    found = failures(read, compiled(document), place)
    assert bool(found) is bool(said)
    assert all(said in line for line in found)
