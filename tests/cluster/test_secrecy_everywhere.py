"""Values of Secrets and card data, sent in every way there is, are written down nowhere.

One run sends them all; then everything that Chaperone writes is searched for every form they could have.
"""

import base64
import json
import re
import shlex
import subprocess
import uuid
from collections.abc import Iterator

import pytest
from impersonating import impersonating
from kube import NAMESPACE, Kubectl, Object, Result, until
from life import ticket_of
from places import forms, leaks, written_down
from receiver import Receiver
from sessions import Audit, marker
from tickets import policy, say
from user_agent import post

CARDS = {
    "user": "4111111111111111",
    "group": "5555555555554444",
    "claim": "378282246310005",
    "claim name": "6011111111111117",
    "argv": "3530111333300000",
    "ConfigMap": "2223003122003222",
    "approval": "5105105105105100",
    "denial": "4012888888881881",
    "manager": "30569309025904",
    "user agent": "6011000990139424",
    "container": "3566002020360505",
    "annotation": "371449635398431",
}
"""The card schemes' published test numbers, by where they are put."""
WAYS = (
    "literal",
    "stringData",
    "data",
    "merge-patch",
    "json-patch",
    "server-side",
    "edit",
    "replace",
    "raw request",
    "approved",
    "before",
    "binaryData",
)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Spy:
    """Somebody who plants what must not be seen, in a pod, a Secret and a ConfigMap."""

    def __init__(self, user: Kubectl, app: str, word: str) -> None:
        self.user = user
        self.app = app
        self.word = word
        self.values = {way: f"{way}-{uuid.uuid4().hex}" for way in WAYS}

    def secret(self, name: str, **fields: object) -> Object:
        notes = {"note": f"card {CARDS['annotation']}"}
        metadata = {"name": f"{self.word}-{name}", "namespace": NAMESPACE, "annotations": notes}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **fields}

    def send(self, verb: str, obj: Object, *options: str) -> Result:
        return self.user.try_(verb, "-f", "-", *options, stdin=json.dumps(obj).encode())

    def exec(self, *words: str, container: str = "app") -> Result:
        return self.user.try_(
            "exec", "-n", NAMESPACE, self.app, "-c", container, "--", "echo", self.word, *words
        )

    def asked(self) -> Iterator[Result]:
        """Do what waits for an approval; everything else about it is the same: it is refused."""
        values, there = self.values, f"{self.word}-there"
        secret = ("secret", there, "-n", NAMESPACE)
        yield self.user.try_(
            *("create", "secret", "generic", f"{self.word}-a", "-n", NAMESPACE),
            f"--from-literal=password={values['literal']}",
        )
        yield self.send("apply", self.secret("b", stringData={"password": values["stringData"]}))
        yield self.send("create", self.secret("c", data={"password": encoded(values["data"])}))
        merge = {"stringData": {"password": values["merge-patch"]}}
        yield self.user.try_("patch", *secret, "--type=merge", "-p", json.dumps(merge))
        step = {"op": "replace", "path": "/data/password", "value": encoded(values["json-patch"])}
        yield self.user.try_("patch", *secret, "--type=json", "-p", json.dumps([step]))
        server_side = self.secret("there", stringData={"password": values["server-side"]})
        manager = f"--field-manager=manager-{CARDS['manager']}"
        yield self.send("apply", server_side, "--server-side", "--force-conflicts", manager)
        yield self.send("replace", self.secret("there", stringData={"password": values["replace"]}))
        yield self.edited(*secret)
        yield self.user.try_("delete", *secret)
        cards = f"card {CARDS['ConfigMap']}"
        data = {"binaryData": {"b": encoded(f"{values['binaryData']} {cards}")}, "data": {"a": cards}}
        yield self.send("create", {**self.secret("d", **data), "kind": "ConfigMap"})
        yield self.exec("ask", CARDS["argv"])
        yield self.exec("ask", *re.findall("....", CARDS["argv"]))

    def edited(self, *secret: str) -> Result:
        """Change the value in an editor."""
        old, new = encoded(self.values["before"]), encoded(self.values["edit"])
        command = self.user.command("edit", *secret)
        editor = f"KUBE_EDITOR=sed -i s|{old}|{new}|"
        done = subprocess.run(["env", editor, *command], capture_output=True, check=False, timeout=60)
        return Result(done.returncode, done.stdout, done.stderr + done.stdout)


@pytest.fixture(scope="module")
def spy(
    admin: Kubectl, app: str, receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Spy]:
    """Somebody whose name, groups and claims hold card data; what they do has to be approved."""
    word = marker()
    assert receiver
    user = impersonating(
        admin,
        tmp_path_factory.mktemp("people"),
        f"spy-{CARDS['user']}",
        "agents",
        f"{word}-{CARDS['group']}",
        "system:masters",
        extra={"task": [f"T-1 {CARDS['claim']}"], f"order-{CARDS['claim name']}": ["x"]},
    )
    groups = {"groups": [f"{word}-{CARDS['group']}"], "namespaces": [NAMESPACE]}
    ask, deny = (
        {**groups, "doors": ["exec"], "cel": f"argv.exists(a, a == '{one}')"} for one in ("ask", "deny")
    )
    rules: list[Object] = [
        {"name": "objects", "action": "approve", "match": {**groups, "doors": ["secret", "configmap"]}},
        {"name": "ask", "action": "approve", "match": ask},
        {"name": "deny", "action": "deny", "match": deny},
    ]
    spy = Spy(user, app, word)
    there = spy.secret("there", data={"password": encoded(spy.values["before"])})
    admin.run("create", "-f", "-", stdin=json.dumps(there).encode())
    with policy(admin, *rules):
        until(lambda: all(spy.exec("deny").code for _ in range(6)), what="all replicas follow the policy")
        yield spy
    admin.run("delete", "secrets,configmaps", "-n", NAMESPACE, "--ignore-not-found", *_made(spy))


def _made(spy: Spy) -> list[str]:
    return [f"{spy.word}-{name}" for name in ("there", "a", "b", "c", "d", "e")]


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("after", range(4))
def test_a_text_is_found_wherever_it_begins_in_base64(before: int, after: int) -> None:
    hidden = base64.b64encode(b"x" * before + b"hunter2-of-the-doors" + b"y" * after)
    assert any(form in hidden for form in forms("hunter2-of-the-doors"))


def test_what_is_planted_is_written_down_nowhere(
    spy: Spy, admin: Kubectl, approver: Kubectl, auditor: Kubectl, audit: Audit, receiver: Receiver
) -> None:
    tickets = [ticket_of(refused) for refused in spy.asked()]
    assert len(set(tickets)) == len(tickets)
    _decide(spy, approver)
    assert spy.exec("deny", CARDS["argv"]).code != 0
    assert spy.exec(container=f"c-{CARDS['container']}").code != 0
    assert spy.exec("free", CARDS["argv"]).code == 0
    path = f"/api/v1/namespaces/{NAMESPACE}/secrets?fieldManager=m-{CARDS['manager']}"
    raw = spy.secret("e", data={"password": encoded(spy.values["raw request"])})
    agent = ("User-Agent", f"tool/{CARDS['user agent']}")
    status, refused = post(admin, path, raw, agent, *_as(spy))
    assert status == 403
    assert "is waiting" in refused

    _settle(spy, admin, auditor, audit, receiver, tickets)
    places = {**written_down(admin, auditor), "notifications": receiver.log().encode()}
    assert not [where for where, data in places.items() if not data and not where.startswith("files")]
    assert leaks({f"the value by {way}": value for way, value in spy.values.items()}, places) == []
    assert leaks(CARDS, places) == []
    _is_there_all_the_same(spy, places)


def _as(spy: Spy) -> list[tuple[str, str]]:
    """Give the headers by which somebody is impersonated."""
    user = json.loads(spy.user.kubeconfig.read_text())["users"][0]["user"]
    groups = [("Impersonate-Group", group) for group in user["as-groups"]]
    return [("Impersonate-User", user["as"]), *groups]


def _decide(spy: Spy, approver: Kubectl) -> None:
    """Have one approved and used, and one denied, with reasons that hold card data."""
    obj = spy.secret("e", stringData={"password": spy.values["approved"]})
    name = ticket_of(spy.send("create", obj))
    reason = f"agreed for {CARDS['approval']}"
    assert say(approver, name, "approve", reason).code == 0
    assert spy.send("create", obj).code == 0
    assert say(approver, name, "deny", f"late {CARDS['denial']}").code != 0
    denied = ticket_of(spy.send("replace", spy.secret("e", stringData={"password": spy.values["replace"]})))
    assert say(approver, denied, "deny", f"never {CARDS['denial']}").code == 0
    command = ticket_of(spy.exec("ask", "once", CARDS["argv"]))
    assert say(approver, command, "approve", reason).code == 0
    assert spy.exec("ask", "once", CARDS["argv"]).code == 0


def _settle(
    spy: Spy, admin: Kubectl, auditor: Kubectl, audit: Audit, receiver: Receiver, tickets: list[str]
) -> None:
    """Wait until everything that is told has arrived."""
    audit.recorded(spy.word)
    receiver.hears("Approval needed", tickets[-1], seconds=120)
    for name in tickets:

        def told(name: str = name) -> bool:
            return name in admin.run("get", "events", "-n", NAMESPACE, "-o", "json")

        until(told, what=f"a cluster event of {name}")
    found = "kubectl get auditevents -n payments"
    until(
        lambda: "c-356600" in auditor.run(*shlex.split(found)[1:], "-o", "json"), what="the last audit event"
    )


def shown(card: str) -> bytes:
    return f"{card[:6]}{'*' * (len(card) - 10)}{card[-4:]}".encode()


def _is_there_all_the_same(spy: Spy, places: dict[str, bytes]) -> None:
    """What was searched is where it happened: names, masked, and what was done are there."""
    user = b"spy-" + shown(CARDS["user"])
    for where in (
        "objects",
        "kubectl get auditevents",
        "kubectl get sessions",
        "chaperone events",
        "notifications",
    ):
        assert user in places[where], where
    for what in ("group", "claim", "claim name", "argv", "approval"):
        assert shown(CARDS[what]) in places["kubectl get auditevents"], what
    for where in ("ledger", "notifications", "objects"):
        assert f"{spy.word}-there".encode() in places[where], where
    assert any(
        user in data for where, data in places.items() if where.startswith("log of chaperone-admission")
    )
