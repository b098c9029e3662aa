"""Every field of a match, one by one."""

from typing import Any

import pytest
from policy_samples import Object, policies, policy, question, rule

from sidecar.masking import FieldFinding
from webhook.policy.decision import Action, Door, Operation
from webhook.policy.privileges import Privilege


def fits(match: Object, **asked: Any) -> bool:
    decided = policies(policy(rule(match=match))).decide(question(**asked))
    return decided.action is Action.DENY


@pytest.mark.parametrize(
    ("match", "yes", "no"),
    [
        ({"doors": ["exec"]}, {}, {"door": Door.POD}),
        ({"operations": ["CREATE"]}, {"operation": Operation.CREATE}, {}),
        ({"users": ["alice", "bob"]}, {}, {"user": "alicex"}),
        ({"users": ["ali*"]}, {}, {"user": "bob"}),
        ({"groups": ["agents"]}, {"groups": ["x", "agents"]}, {"groups": []}),
        (
            {"serviceAccounts": ["ci/*"]},
            {"user": "system:serviceaccount:ci:bot"},
            {"user": "ci/bot"},
        ),
        (
            {"extra": {"iss": ["https://a"], "team": ["pay*"]}},
            {"extra": {"iss": ("https://a",), "team": ("x", "payments")}},
            {"extra": {"iss": ("https://a",)}},
        ),
        ({"namespaces": ["pay*"]}, {}, {"namespace": "other"}),
        (
            {"namespaceLabels": {"tier": "gold", "team": "*"}},
            {"namespace_labels": {"tier": "gold", "team": ""}},
            {"namespace_labels": {"tier": "gold"}},
        ),
        ({"names": ["web"]}, {}, {"name": "web2"}),
        ({"labels": {"app": "w*"}}, {"labels": {"app": "web"}}, {"labels": {}}),
        ({"containers": ["app"]}, {}, {"container": "sidecar"}),
        ({"tty": True}, {"tty": True}, {}),
        ({"stdin": False}, {}, {"stdin": True}),
        ({"privileged": True}, {"privileges": (Privilege.DEVICE,)}, {}),
        (
            {"privileged": True},
            {"privileges": (Privilege.POSSIBLE_ROOT, Privilege.DEVICE)},
            {"privileges": (Privilege.POSSIBLE_ROOT,)},
        ),
        ({"privileges": ["possible-root-with-escalation"]}, {"privileges": (Privilege.POSSIBLE_ROOT,)}, {}),
        (
            {"privileges": ["host-path", "device"]},
            {"privileges": (Privilege.DEVICE,)},
            {"privileges": (Privilege.HOST_PORT,)},
        ),
        ({"changed": True}, {}, {"changed": False}),
        ({"cardData": True}, {"findings": (FieldFinding("/data/x", "pan", "visa"),)}, {}),
        ({"ports": [80, 443]}, {"ports": (443,)}, {"ports": (8080,)}),
        ({"ports": [80]}, {"ports": ()}, {"ports": (8080, 8081)}),
        ({"paths": ["metrics/*"]}, {"path": "metrics/x"}, {"path": "metric"}),
        (
            {"cel": 'findings.exists(f, f.path == "/data/x") && ports == [1] && path == "p" && changed'},
            {"findings": (FieldFinding("/data/x", "pan", "visa"),), "ports": (1,), "path": "p"},
            {},
        ),
        (
            {"cel": "object.spec.x != oldObject.spec.x"},
            {"object": b'{"spec":{"x":1}}', "old_object": b'{"spec":{"x":2}}'},
            {"object": b'{"spec":{"x":1}}', "old_object": b'{"spec":{"x":1}}'},
        ),
        ({"argv": [{"exact": ["ls", "-la"]}]}, {}, {"argv": ("ls", "-la", "/")}),
        ({"argv": [{"prefix": ["ls"]}]}, {}, {"argv": ("lsof",)}),
        ({"argv": [{"prefix": ["a*"]}]}, {"argv": ("a*", "b")}, {"argv": ("ab",)}),
        (
            {"argv": [{"glob": ["*sh", "-c", "*"]}]},
            {"argv": ("/bin/sh", "-c", "x\ny")},
            {"argv": ("sh", "-c")},
        ),
        (
            {"argv": [{"glob": ["kubectl", "get", "**"]}]},
            {"argv": ("kubectl", "get")},
            {"argv": ("kubectl",)},
        ),
        (
            {"argv": [{"regex": "sh -c 'rm .*'"}]},
            {"argv": ("sh", "-c", "rm x\n")},
            {"argv": ("sh", "-c rm x")},
        ),
        ({"argv": [{"regex": "l(s|l) .*"}]}, {}, {"argv": ("als", "x")}),
        ({"cel": 'user.name == "alice" && argv.exists(a, a == "-la")'}, {}, {"argv": ("ls",)}),
        ({"cel": 'line.matches("^ls")'}, {}, {"argv": ("xls",)}),
        (
            {"cel": 'object.spec.x == "y"'},
            {"object": b'{"spec":{"x":"y"}}'},
            {"object": b'{"spec":{"x":"z"}}'},
        ),
        (
            {"when": [{"days": ["mon"], "from": "09:00", "to": "17:00", "timeZone": "Europe/Berlin"}]},
            {},
            {"at": 1_772_452_800 + 4 * 3600},
        ),
        (
            {"when": [{"days": ["sun"], "from": "22:00", "to": "06:00"}]},
            {"at": 1_772_452_800 - 7 * 3600},
            {"at": 1_772_452_800 - 6 * 3600},
        ),
    ],
)
def test_a_field_fits_or_does_not(match: Object, yes: dict[str, Any], no: dict[str, Any]) -> None:
    assert fits(match, **yes)
    assert not fits(match, **no)


def test_an_exception_takes_a_request_away_from_its_rule() -> None:
    exceptions = [{"argv": [{"prefix": ["ls"]}], "tty": False}, {"users": ["root"]}]
    decided = policies(policy({**rule(), "except": exceptions}))
    assert decided.decide(question()).policy == "builtin"
    assert decided.decide(question(tty=True)).action is Action.DENY
    assert decided.decide(question(tty=True, user="root")).policy == "builtin"


def test_quoting_keeps_arguments_apart() -> None:
    reading = {"argv": [{"regex": "cat [a-z./]+"}]}
    assert fits(reading, argv=("cat", "a.txt"))
    assert not fits(reading, argv=("cat a.txt",))
    assert not fits(reading, argv=("cat", "a.txt b"))


def test_facts_too_large_for_an_expression_deny() -> None:
    decided = policies(policy(rule("allow", match={"cel": "argv.all(a, true)"})))
    assert decided.decide(question(argv=("x",) * 256)).action is Action.ALLOW
    assert decided.decide(question(argv=("x",) * 257)).action is Action.DENY
