"""``chaperone policy``, before files and the record."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from audit_event_samples import make_event
from cli_runner import Chaperone, Done
from policy_samples import Object, policy, rule
from reviews import body, object_body
from store_samples import T0

from sidecar.contract.sealing import Identity
from webhook.journal.events import Outcome, Where
from webhook.policy.schema import json_schema
from webhook.store.contract import SessionRecord, Store

OWN, PAN = "chaperone-system", "4111 1111 1111 1111"
DENY_RM = policy(rule(name="no-rm", reason="nothing is removed", match={"argv": [{"prefix": ["rm"]}]}))


@pytest.fixture
def cli(tmp_path: Path) -> Chaperone:
    return Chaperone(tmp_path / "kubeconfig")


def write(path: Path, *documents: Object) -> str:
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def run(cli: Chaperone, *arguments: str) -> Done:
    return cli.offline("policy", *arguments)


UNRECORDED: Object = {"session": {"recording": "none"}}


def test_lint_says_what_holds_and_what_does_not(cli: Chaperone, tmp_path: Path) -> None:
    done = run(cli, "lint", "pci-dss", "read-only-agents", "break-glass")
    assert (done.code, done.error) == (0, "3 policies hold\n")
    broken = write(tmp_path / "p.yaml", DENY_RM, policy(rule(match={"user": ["x"]}), name="second"))
    done = run(cli, "lint", broken)
    assert done.code == 1
    assert f"{broken}:" in done.error
    assert "unknown field `user`; remove it or correct its name" in done.error


def test_lint_remarks_on_doors_where_nobody_is_asked(cli: Chaperone, tmp_path: Path) -> None:
    done = run(
        cli, "lint", write(tmp_path / "p.yaml", policy(rule(match={"doors": ["webhook-configuration"]})))
    )
    assert done.code == 0
    assert "rule rule is never asked at webhook-configuration: the API server asks no webhook" in done.error
    assert "guard.configuration" in done.error
    words = ("--door", "webhook-configuration", "--operation", "UPDATE")
    assert "this is never asked in a cluster" in run(cli, "explain", "-f", "pci-dss", *words).error


@pytest.mark.parametrize(
    ("door", "manifest", "decided"),
    [
        ("configmap", {"kind": "ConfigMap", "data": {"note": "pay 4111 1111 1111 1111"}}, "card-data"),
        ("configmap", {"kind": "ConfigMap", "data": {"note": "pay"}}, "record-everything"),
        (
            "rbac",
            {"kind": "Role", "rules": [{"apiGroups": [""], "resources": ["*"], "verbs": ["*"]}]},
            "rights",
        ),
    ],
)
def test_objects_are_explained_from_their_manifest(
    cli: Chaperone, tmp_path: Path, door: str, manifest: Object, decided: str
) -> None:
    (tmp_path / "object.yaml").write_text(yaml.safe_dump({"metadata": {"name": "x"}, **manifest}))
    words = ("--door", door, "--object", str(tmp_path / "object.yaml"), "-o", "json")
    done = run(cli, "explain", "-f", "pci-dss", *words)
    assert done.code == 0, done.error
    assert done.json["decision"]["rule"] == decided


def test_cases_are_run(cli: Chaperone, tmp_path: Path) -> None:
    assert run(cli, "test", "pci-dss").code == 0
    ask = {"door": "exec", "argv": ["rm", "x"]}
    wrong = {**DENY_RM, "spec": {**DENY_RM["spec"], "cases": [{"name": "c", "ask": ask, "action": "audit"}]}}
    done = run(cli, "test", write(tmp_path / "p.yaml", wrong))
    assert done.code == 1
    assert "case 'c': expected audit, got deny by no-rm" in done.error


def test_masking_rules_in_a_folder_are_tried_too(cli: Chaperone, tmp_path: Path) -> None:
    (tmp_path / "masking/rules").mkdir(parents=True)
    good = {"name": "token", "pattern": "tok_[0-9]{4}", "positive": ["tok_1234 "], "negative": ["tok"]}
    write(tmp_path / "p.yaml", DENY_RM)
    write(tmp_path / "masking/rules/own.yaml", {"rules": [good]})
    assert run(cli, "test", str(tmp_path)).code == 0
    write(tmp_path / "masking/rules/own.yaml", {"rules": [{**good, "positive": ["none"]}]})
    assert run(cli, "test", str(tmp_path)).code == 1


def test_a_file_of_masking_rules_is_tried(cli: Chaperone, tmp_path: Path) -> None:
    """The same file that ``chaperone mask --rules`` takes, whatever its name."""
    good = {"name": "token", "pattern": "tok_[0-9]{4}", "positive": ["tok_1234 "], "negative": ["tok"]}
    done = run(cli, "test", write(tmp_path / "own.yaml", {"rules": [good]}))
    assert (done.code, done.error) == (0, "2 cases hold\n")
    done = run(cli, "test", write(tmp_path / "own.yaml", {"rules": [{**good, "positive": ["none"]}]}))
    assert done.code == 1
    assert "own.yaml:7: positive case 1 is not masked" in done.error


def test_a_folder_with_nothing_to_try_is_no_success(cli: Chaperone, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/own.yaml").write_text("rules: [broken\n")
    done = run(cli, "test", str(tmp_path))
    assert done.code == 3
    assert done.error == f"chaperone: no policies and no masking rules in {tmp_path}\n"


def test_explain_says_which_rule_and_why(cli: Chaperone, tmp_path: Path) -> None:
    file = write(tmp_path / "p.yaml", DENY_RM)
    out = run(cli, "explain", "-f", file, "--user", "ada", "--", "rm", "-rf", "/").out
    assert "deny by rule no-rm of policy test" in out
    assert "reason: nothing is removed" in out
    assert "decides" in out
    done = run(cli, "explain", "-f", file, "-f", "pci-dss", "-it", "-v", "--", "sh", "-l")
    assert "approve by rule interactive-shell of policy pci-dss" in done.out
    assert "argv must be prefix ('rm',)" in done.out


def test_explain_reads_a_saved_review(cli: Chaperone, tmp_path: Path) -> None:
    file, saved = write(tmp_path / "p.yaml", DENY_RM), tmp_path / "review.json"
    obj = {"command": ["rm", "x"], "container": "app"}
    saved.write_bytes(body(obj, operation="CONNECT", subresource="exec"))
    done = run(cli, "explain", "-f", file, "--review", str(saved), "-o", "json")
    assert done.json["decision"]["action"] == "deny"
    [trace] = done.json["rules"]
    assert (trace["decides"], trace["why"]) == (True, "argv fit")


@pytest.mark.parametrize(("options", "own"), [((), OWN), (("--own-namespace", "payments"), "payments")])
def test_reviews_are_asked_at_the_door_that_the_server_asks_at(
    cli: Chaperone, tmp_path: Path, options: tuple[str, ...], own: str
) -> None:
    file = write(tmp_path / "p.yaml", policy(rule(match={"doors": ["chaperone"]})))
    saved = tmp_path / "reviews.jsonl"
    saved.write_bytes(
        b"\n".join(
            review
            for namespace in (OWN, "payments")
            for review in (
                object_body("Deployment", "deployments.apps", {}, namespace=namespace),
                body({"command": ["sh"]}, operation="CONNECT", subresource="exec", namespace=namespace),
            )
        )
    )
    nothing = write(tmp_path / "old.yaml", policy(rule("audit", match={"users": ["nobody"]})))
    found: list[Any] = cli.run(
        "policy", "diff", nothing, file, "--reviews", str(saved), "-o", "json", *options
    ).json
    assert [(change["door"], change["namespace"], change["command"]) for change in found] == [
        ("chaperone", own, []),
        ("chaperone", own, ["sh"]),
    ]


@pytest.mark.parametrize(
    ("obj", "action"),
    [
        ({"data": {"note": PAN}}, "deny"),
        ({"data": {"note": "pay"}}, "audit"),
        ({"metadata": {"annotations": {"last": PAN}}}, "deny"),
    ],
)
def test_card_data_in_a_saved_review_is_found_where_the_server_finds_it(
    cli: Chaperone, tmp_path: Path, obj: Object, action: str
) -> None:
    file = write(tmp_path / "p.yaml", policy(rule(match={"doors": ["configmap"], "cardData": True})))
    saved = tmp_path / "review.json"
    saved.write_bytes(object_body("ConfigMap", "configmaps", obj))
    done = cli.run("policy", "explain", "-f", file, "--review", str(saved), "-o", "json")
    assert done.json["decision"]["action"] == action
    (tmp_path / "object.yaml").write_text(yaml.safe_dump({"kind": "ConfigMap", **obj}))
    words = ("--door", "configmap", "--object", str(tmp_path / "object.yaml"), "-o", "json")
    assert cli.run("policy", "explain", "-f", file, *words).json["decision"]["action"] == action


def test_explain_knows_what_makes_a_manifest_privileged(cli: Chaperone, tmp_path: Path) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "x"}, "spec": {"hostPID": True}}
    file = write(tmp_path / "pod.yaml", pod)
    out = run(cli, "explain", "-f", "pci-dss", "--door", "pod", "--object", file).out
    assert "approve by rule privileged-pod" in out


def test_explain_asks_about_a_workload_what_the_server_asks(cli: Chaperone, tmp_path: Path) -> None:
    pods = write(tmp_path / "p.yaml", policy(rule(match={"doors": ["pod"], "labels": {"tier": "gold"}})))
    template = {"metadata": {"labels": {"tier": "gold"}}, "spec": {"containers": [{"name": "app"}]}}
    found = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": template}}
    file = write(tmp_path / "web.yaml", found)
    out = run(cli, "explain", "-f", pods, "--object", file).out
    assert "At door workload:" in out
    assert "At door pod:" in out
    assert "Of these the strictest counts: deny by rule rule of policy test" in " ".join(out.split())
    told = run(cli, "explain", "-f", pods, "--object", file, "-o", "json").json
    assert (told["decision"]["action"], told["decision"]["policy"]) == ("deny", "test")
    assert [(one["door"], one["decision"]["action"]) for one in told["asked"]] == [
        ("workload", "audit"),
        ("pod", "deny"),
    ]


def debug_pod(**fields: Any) -> Object:
    added = {"name": "look", "image": "i", "command": ["sh"], "targetContainerName": "db", **fields}
    containers = [{"name": "app", "command": ["sh"]}, {"name": "db", "command": ["psql"]}]
    spec = {"containers": containers, "ephemeralContainers": [added]}
    return {"kind": "Pod", "metadata": {"name": "web", "labels": {"tier": "gold"}}, "spec": spec}


@pytest.mark.parametrize(
    ("door", "options", "match", "decided"),
    [
        ("attach", ("-c", "app"), {"argv": [{"exact": ["sh"]}]}, "deny"),
        ("attach", ("-c", "app"), {"argv": [{"exact": ["psql"]}]}, "audit"),
        ("attach", ("-c", "look"), {"containers": ["db"]}, "deny"),
        ("attach", ("-c", "app"), {"labels": {"tier": "gold"}}, "deny"),
        ("ephemeral-container", (), {"containers": ["db"], "argv": [{"exact": ["sh"]}]}, "deny"),
        ("ephemeral-container", (), {"operations": ["UPDATE"], "privileged": False}, "deny"),
        ("ephemeral-container", (), {"privileged": True}, "audit"),
    ],
)
def test_explain_knows_attach_and_debug_containers_as_the_server_does(
    cli: Chaperone, tmp_path: Path, door: str, options: tuple[str, ...], match: Object, decided: str
) -> None:
    lets = rule("audit", name="lets", **UNRECORDED)
    file = write(tmp_path / "p.yaml", policy(lets, rule(match={"doors": [door], **match})))
    pod = write(tmp_path / "pod.yaml", debug_pod())
    words = ("explain", "-f", file, "--door", door, "--object", pod, *options, "-o", "json")
    assert run(cli, *words).json["decision"]["action"] == decided
    strict = write(tmp_path / "strict.yaml", policy(rule("allow")))
    done = run(cli, "explain", "-f", strict, "--door", door, "--object", pod, *options)
    assert "deny by rule record-everything of policy builtin" in done.out
    assert "may go unrecorded" in " ".join(done.out.split())


def test_explain_says_that_a_session_is_not_traced(cli: Chaperone, tmp_path: Path) -> None:
    without = rule("audit", name="debugging", session={"tracing": "none"})
    words = ("explain", "-f", write(tmp_path / "p.yaml", policy(without, name="p")), "--door", "exec")
    assert "tracing: none, says p/debugging" in " ".join(run(cli, *words).out.split())
    assert run(cli, *words, "-o", "json").json["decision"]["tracing"] == "none"


def test_a_saved_review_of_a_debug_container_is_one_request(cli: Chaperone, tmp_path: Path) -> None:
    before = debug_pod()
    before["spec"] = {**before["spec"], "ephemeralContainers": []}
    saved = tmp_path / "review.json"
    saved.write_bytes(
        body(debug_pod(), operation="UPDATE", subresource="ephemeralcontainers", oldObject=before)
    )
    old = write(tmp_path / "old.yaml", policy(rule("audit", **UNRECORDED)))
    new = write(tmp_path / "new.yaml", policy(rule(match={"containers": ["db"]})))
    done = run(cli, "diff", old, new, "--reviews", str(saved), "-o", "json")
    assert "1 of 1 request is decided otherwise." in done.error
    [change] = done.json
    assert (change["door"], change["now"]["action"]) == ("ephemeral-container", "deny")


def test_diff_shows_what_changes(cli: Chaperone, tmp_path: Path) -> None:
    old, new = write(tmp_path / "old.yaml", policy(rule("audit"))), write(tmp_path / "new.yaml", DENY_RM)
    lines = [
        body({"command": command}, operation="CONNECT", subresource="exec")
        for command in (["rm", "x"], ["ls"], ["rm"])
    ]
    saved = tmp_path / "reviews.jsonl"
    saved.write_bytes(b"\n".join(lines))
    done = run(cli, "diff", old, new, "--reviews", str(saved))
    assert "2 of 3 requests are decided otherwise." in done.error
    assert "deny (test/no-rm)" in done.out
    found: list[Any] = run(cli, "diff", old, new, "--reviews", str(saved), "-o", "json").json
    assert [change["now"]["rule"] for change in found] == ["no-rm", "no-rm"]


def test_diff_asks_of_sessions_and_of_what_was_refused_or_connected(
    chaperone: Chaperone, store: Store, kept: dict[str, SessionRecord], tmp_path: Path
) -> None:
    refused: dict[str, Any] = {"outcome": Outcome.FAILURE, "session": ""}
    ours = Identity("ada", groups=("agents",))
    tunnel = Where(namespace="payments", resource="pods/portforward", name="web")
    proxied = Where(namespace="payments", resource="services/proxy", name="https:web:8443")
    workload = Where(namespace="payments", resource="deployments.apps", name="web")
    debugged = Where(namespace="payments", resource="pods/ephemeralcontainers", name="web", container="x")
    attached = Where(namespace="payments", resource="pods/attach", name="web", container="app")
    store.record(
        [
            make_event(1, argv=("seen",), session=kept["shell"].session),
            make_event(2, argv=("sh",), actor=ours, action="deny", details={"tty": "true"}, **refused),
            make_event(3, argv=("id",), action="approve", approval="exec-1", **refused),
            make_event(4, argv=("ls",), action="", rule="NoRecorder", **refused),
            make_event(5, argv=(), session="", door="port-forward", where=tunnel, details={"ports": "80"}),
            make_event(6, argv=(), session="", door="proxy", where=proxied, details={"path": "/pay"}),
            make_event(7, argv=(), session="", door="workload", where=workload, operation="CREATE"),
            make_event(
                8,
                argv=("sh",),
                session="",
                door="ephemeral-container",
                where=debugged,
                operation="UPDATE",
                details={"reaches": "db", "privileges": "privileged", "stdin": "true"},
            ),
            make_event(9, argv=("sh",), session="", door="attach", where=attached),
        ],
        received_at=T0 + 1,
    )
    lets = rule("audit", name="lets", match={"doors": ["attach", "ephemeral-container"]}, **UNRECORDED)
    nothing = write(tmp_path / "old.yaml", policy(lets))
    new = write(
        tmp_path / "new.yaml",
        policy(
            lets,
            rule(
                name="f", match={"doors": ["ephemeral-container"], "containers": ["db"], "privileged": True}
            ),
            rule(name="g", match={"doors": ["attach"], "containers": ["app"]}),
            rule(
                name="a", match={"doors": ["exec"], "groups": ["agents"], "tty": True, "containers": ["app"]}
            ),
            rule(name="b", match={"doors": ["exec"], "argv": [{"exact": ["id"]}, {"exact": ["seen"]}]}),
            rule(name="c", match={"doors": ["port-forward"], "ports": [80], "names": ["web"]}),
            rule(name="d", match={"doors": ["proxy"], "ports": [8443], "paths": ["pay"], "names": ["web"]}),
            rule(name="e", match={"doors": ["exec"], "argv": [{"exact": ["bash"]}]}),
        ),
    )
    done = chaperone.run("policy", "diff", nothing, new, "-o", "json")
    assert done.code == 0, done.error
    assert [change["now"]["rule"] for change in done.json] == ["e", "g", "f", "d", "c", "b", "a"]
    assert f"7 of {len(kept) + 6} requests are decided otherwise." in done.error


def test_the_schema_is_json(cli: Chaperone) -> None:
    assert run(cli, "schema").json == json.loads(json.dumps(json_schema()))
    assert run(cli, "schema", "--crd").json["metadata"]["name"] == "guardpolicies.chaperone.dev"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("lint", "no-such-pack"), 2, "packs are: break-glass, pci-dss, read-only-agents"),
        (("explain", "-f", "pci-dss", "--label", "x"), 2, "write it as key=value"),
        (("explain", "-f", "pci-dss", "--at", "soon"), 2, "is no time"),
        (("explain", "--", "ls"), 5, "no usable kubeconfig"),
    ],
)
def test_wrong_usage_says_what_to_do(
    cli: Chaperone, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run(cli, *arguments)
    assert done.code == code
    assert said in done.error


@pytest.mark.parametrize(
    ("option", "content", "said"),
    [
        ("--object", None, "no manifest of an object: No such file or directory"),
        ("--object", "a: 1\nb: [2\n", "no manifest of an object: it is not YAML, line 3"),
        ("--object", "a: 1\n", "no manifest of an object: Object missing required field `kind`"),
        ("--review", "words\n", "the body is not an AdmissionReview; save what the API server sends"),
    ],
    ids=["absent", "no YAML", "no object", "no review"],
)
def test_a_file_that_is_none_is_named_with_what_is_wrong(
    cli: Chaperone, tmp_path: Path, option: str, content: str | None, said: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    done = run(cli, "explain", "-f", "pci-dss", option, str(file))
    assert done.code == 2
    assert f"{file}: {said}" in done.error


def test_other_commands_do_not_pay_for_it(cli: Chaperone) -> None:
    assert "policy" in cli.process("--help").out
    code = (
        "import sys, webhook.cli.main as m; m.application();"
        "print([n for n in sys.modules if n.startswith(('webhook.policy', 'cel', 'hyperscan'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
