"""Names and digests of approval requests, and what is shown in them."""

import json
from typing import Any

import msgspec
import pytest
from approvals import HOME, KEY, MemoryTickets, desk, needed, redaction
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals.asking import Wish, wish
from webhook.approvals.desk import Review
from webhook.approvals.objects import Target
from webhook.approvals.subjects import Subject, exec_subject, pod_subject
from webhook.policy.decision import Door, Glass, Operation, Question

DECISION = needed(BUILTIN)
CARD = "4111 1111 1111 1111"


def asked(pod_uid: str = "uid", key: bytes = KEY, **fields: Any) -> Wish:
    about = question(**fields)
    return wish(about, DECISION, exec_subject(about, pod_uid), key, home=HOME)


def test_the_same_again_is_the_same() -> None:
    assert asked() == asked()
    assert len(asked().base) + 4 <= 63


def test_anything_else_is_another() -> None:
    others = [
        asked(argv=("ls", "-la", "")),
        asked(argv=("ls -la",)),
        asked(tty=True),
        asked(stdin=True),
        asked(container="other"),
        asked(name="db"),
        asked(namespace="other"),
        asked(user="bob"),
        asked("another pod of that name"),
        asked(key=bytes([1]) * 32),
        wish(question(), needed(BUILTIN, count=2), exec_subject(question(), "uid"), KEY, home=HOME),
    ]
    assert len({other.base for other in (asked(), *others)}) == len(others) + 1


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_command_lines_are_told_apart(one: list[str], other: list[str]) -> None:
    printable = [[a for a in line if a.isprintable()] for line in (one, other)]
    first, second = (asked(argv=tuple(line)).digest for line in printable)
    assert (first == second) == (printable[0] == printable[1])


@pytest.mark.parametrize(("namespace", "resource"), [("", "nodes"), ("payments", "namespaces")])
def test_what_is_in_no_namespace_is_asked_for_in_chaperones_own(namespace: str, resource: str) -> None:
    about = question(namespace=namespace, name="payments", argv=())
    subject = Subject(target=Target(resource=resource, name="payments"), digested=b"x")
    assert wish(about, DECISION, subject, KEY, home=HOME).namespace == HOME
    assert asked().namespace == "payments"


def test_who_may_break_the_glass_asks_by_another_request() -> None:
    glass = replace(DECISION, glass=Glass(policy="p", rule="emergency"))
    assert wish(question(), glass, exec_subject(question(), "uid"), KEY, home=HOME).base != asked().base


def test_requests_about_one_target_are_told_by_a_label() -> None:
    assert asked().about == asked(argv=("rm",)).about == asked("another pod of that name").about
    assert (
        len({asked().about, asked(user="bob").about, asked(name="db").about, asked(namespace="x").about}) == 4
    )


def pod(**spec: object) -> Question:
    metadata = {"name": "web", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}}
    raw = msgspec.json.encode({"metadata": metadata, "spec": {"containers": [], **spec}})
    return question(door=Door.POD, operation=Operation.CREATE, argv=(), object=msgspec.Raw(raw))


def token(suffix: str) -> dict[str, object]:
    name = f"kube-api-access-{suffix}"
    mount = {"name": name, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}
    volumes: list[Any] = [{"name": name, "projected": {"sources": []}}]
    return {"containers": [{"name": "app", "volumeMounts": [mount]}], "volumes": volumes}


def test_a_pod_is_the_same_whatever_the_server_calls_its_token() -> None:
    assert pod_subject(pod(**token("abcde"))) == pod_subject(pod(**token("fghij")))
    assert pod_subject(pod(hostPID=True)).digested != pod_subject(pod()).digested


def test_nothing_secret_is_shown() -> None:
    env: list[Any] = [
        {"name": "PASSWORD", "value": "hunter2"},
        {"name": "REF", "valueFrom": {"fieldRef": {}}},
    ]
    containers: list[Any] = [{"name": "app", "env": env, "args": ["pay", CARD]}]
    subject = pod_subject(pod(containers=containers, hostPID=True))
    shown = redaction().show((), subject.shown).object
    assert "hunter2" not in shown
    assert CARD not in shown
    found = json.loads(shown)["spec"]
    assert found["hostPID"] is True
    assert [variable["name"] for variable in found["containers"][0]["env"]] == ["PASSWORD", "REF"]
    assert "hunter2" not in repr(subject)
    assert "hunter2" in subject.digested.decode()


def test_a_card_number_never_gets_into_a_request() -> None:
    tickets = MemoryTickets()
    about = question(argv=("pay", *CARD.split()))
    wanted = wish(about, DECISION, exec_subject(about, "uid"), KEY, home=HOME)
    desk(tickets).ask(wanted, Review(uid="r", session="s", asked=f"exec {CARD}", dry_run=False))
    [made] = tickets.kept.values()
    assert made.spec.argv[0] == "pay"
    assert len(made.spec.argv) == 5
    assert "1111 1111" not in made.spec.asked
    assert "1111 1111" not in msgspec.json.encode(made).decode().replace('","', " ")
    assert wanted.digest == made.spec.digest
    assert CARD not in repr(wanted)
