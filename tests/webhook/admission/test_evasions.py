"""Ways around what records a container: refused for sessions, own programs and debug containers alike."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from policy_samples import policies, policy, rule
from reviews import (
    Object,
    attach_door,
    body,
    exec_door,
    exec_request,
    injected,
    injected_request,
    injection_door,
    plain_pod,
    pod_door,
    pod_request,
)

from webhook.admission import evasions, review
from webhook.admission.evasions import evasion
from webhook.admission.pods import Pod

pytestmark = pytest.mark.anyio
BY_DEFAULT = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
]
"""What container runtimes give without being asked, so that shim and recorder have to stand it."""
HARMLESS = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "BLOCK_SUSPEND",
    "CHECKPOINT_RESTORE",
    "IPC_LOCK",
    "IPC_OWNER",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "NET_BROADCAST",
    "SYSLOG",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_RESOURCE",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
]
"""What reaches neither shim nor recorder nor what their node runs pods with."""
ALL_OF_LINUX = 41
THREATS = Path(__file__).parents[3] / "docs/threat-model.md"
SHIM: Object = {"name": "app", "image": "i", "command": ["/bin/app"]}


def of(context: Object | None = None, *, host: str = "", **spec: Any) -> Object:
    """Give a pod with one container of that security context, which mounts that path of its node."""
    container = {**SHIM, **({} if context is None else {"securityContext": context})}
    if not host:
        return plain_pod(container, **spec)
    mounts = [{"name": "v", "mountPath": "/host", "readOnly": True}]
    return plain_pod(
        {**container, "volumeMounts": mounts},
        volumes=[{"name": "v", "hostPath": {"path": host}}, {"name": "w", "hostPath": {"path": "/proc"}}],
        **spec,
    )


def adding(*capabilities: str) -> Object:
    return {"capabilities": {"add": list(capabilities)}}


def found(pod: Object) -> str:
    decoded = msgspec.convert(pod, Pod)
    around = evasion(decoded.spec.containers[0], decoded.spec.volumes or ())
    return "" if around is None else around.why


def test_every_capability_of_linux_is_decided() -> None:
    ways = list(evasions.CAPABILITIES)
    assert len({*ways, *BY_DEFAULT, *HARMLESS}) == len(ways) + len(BY_DEFAULT) + len(HARMLESS)
    assert len(ways) + len(BY_DEFAULT) + len(HARMLESS) == ALL_OF_LINUX


@pytest.mark.parametrize("capability", evasions.CAPABILITIES)
def test_a_capability_that_leads_around_is_seen_however_it_is_written(capability: str) -> None:
    for written in (capability, f"CAP_{capability}", f"cap_{capability.lower()}"):
        assert f"has the capability {capability}, so it could" in found(of(adding("CHOWN", written)))


def test_other_capabilities_are_left_to_policies() -> None:
    assert found(of(adding(*BY_DEFAULT, *HARMLESS))) == ""


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({"privileged": True}, "is privileged"),
        (adding("ALL"), "all capabilities"),
        ({"procMount": "Unmasked"}, "procMount: Unmasked"),
        ({"procMount": "Default", "privileged": False, **adding()}, ""),
        ({"seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"}}, ""),
        (None, ""),
    ],
)
def test_what_else_a_security_context_gives(context: Object | None, why: str) -> None:
    assert found(of(context)).removeprefix("container app ").startswith(("is ", "has ") if why else "")
    assert why in found(of(context))


@pytest.mark.parametrize(
    "path", ["/", "/var", "/var/lib/kubelet/pods", "/var/run/docker.sock", "/run", "/var/run"]
)
def test_folders_that_a_node_runs_pods_with_show_too_much(path: str) -> None:
    for written in (path, f"{path}/", f"/x/..{path}"):
        assert f"mounts {written} of its node" in found(of(host=written))


@pytest.mark.parametrize("path", ["/var/log", "/procedures", "/data", "/etc/localtime", "/var/lib/kubelets"])
def test_other_folders_of_a_node_are_left_to_policies(path: str) -> None:
    assert found(of(host=path)) == ""


def test_a_volume_that_others_mount_is_theirs() -> None:
    pod = of(host="/data")
    assert pod["spec"]["volumes"][1]["hostPath"] == {"path": "/proc"}
    assert found(pod) == ""


def test_a_user_namespace_makes_no_difference() -> None:
    assert "could trace" in found(of(adding("SYS_PTRACE"), hostUsers=False))


@pytest.mark.parametrize(("field", "refused"), [("hostUsers", False), ("shareProcessNamespace", True)])
async def test_a_policy_may_refuse_pods_as_the_threat_model_says(field: str, refused: bool) -> None:
    [expression] = re.findall(rf"`cel: ([^`]*{field}[^`]*)`", THREATS.read_text())
    ruled = policies(policy(rule("deny", match={"doors": ["pod"], "cel": expression})))
    said: list[tuple[Object, bool]] = [({field: refused}, True), ({field: not refused}, False), ({}, False)]
    for spec, is_denied in said:
        denial = (await pod_door(ruled).review(await injected_request(of(**spec)))).denial
        assert (denial is not None and denial.causes[0].reason == "DeniedByPolicy") is is_denied


DATA = {"volumeMounts": [{"name": "v", "mountPath": "/data"}]}
"""A volume whose content the workload writes, links among it."""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", ""),
        ("/dev/termination-log", ""),
        ("/database/log", ""),
        ("/.chaperones", ""),
        ("/.chaperone/shim", "over what records"),
        ("data/../.chaperone/sock", "over what records"),
        ("/data/log", "inside a volume"),
    ],
)
def test_the_file_of_a_termination_message_is_a_mount_as_well(path: str, why: str) -> None:
    """The kubelet mounts it, and the container may write it, chmod(2) included."""
    pod = plain_pod({**SHIM, **DATA, "terminationMessagePath": path}, volumes=[{"name": "v", "emptyDir": {}}])
    assert (why in found(pod)) if why else (found(pod) == "")
    pod["spec"]["volumes"] = [{"name": "v", "configMap": {"name": "c"}}]
    assert (why in found(pod)) is (why != "inside a volume")


NESTED = {"volumeMounts": [{"name": "v", "mountPath": path} for path in ("/data", "/data/in")]}
WAYS = {
    "tracing": (of(adding("SYS_PTRACE")), "ShimCouldBeEvaded", "leave the capability SYS_PTRACE out of"),
    "privileged": (of({"privileged": True}), "ShimCouldBeEvaded", "leave privileged: true out of"),
    "folder": (of(host="/var/lib/kubelet"), "ShimCouldBeEvaded", "leave volume v out of"),
    "nested": (
        plain_pod({**SHIM, **NESTED}, volumes=[{"name": "v", "emptyDir": {}}]),
        "ShimCouldBeHidden",
        "mount nothing inside another volume",
    ),
    "last word": (
        plain_pod(
            {**SHIM, **DATA, "terminationMessagePath": "/data/log"}, volumes=[{"name": "v", "emptyDir": {}}]
        ),
        "ShimCouldBeHidden",
        "leave terminationMessagePath out of",
    ),
}


@pytest.mark.parametrize(("pod", "rule_", "remedy"), WAYS.values(), ids=WAYS)
async def test_exec_is_refused_with_what_to_leave_out_and_how_to_make_the_pod_anew(
    pod: Object, rule_: str, remedy: str
) -> None:
    denial = (await exec_door(await injected(pod)).review(exec_request())).denial
    assert denial is not None
    assert denial.causes[0].reason == rule_
    assert f"In what makes the pod, {remedy}" in denial.message
    assert "then create the pod anew: delete the pod" in denial.message
    assert "kubectl delete pod web -n payments" in denial.message


@pytest.mark.parametrize(("pod", "rule_", "remedy"), WAYS.values(), ids=WAYS)
async def test_no_program_of_its_own_is_put_under_the_shim_there(
    pod: Object, rule_: str, remedy: str
) -> None:
    asking = {**pod, "metadata": {**pod["metadata"], "annotations": {"chaperone.dev/main-process": "true"}}}
    ruled = policies(policy(rule("audit", match={"doors": ["pod"]}, mainProcess={})))
    for written, by, by_policy in (
        (asking, "annotation chaperone.dev/main-process", None),
        (pod, "rule rule of policy test", ruled),
    ):
        for door in (injection_door(policy=by_policy), pod_door(by_policy)):
            denial = (await door.review(pod_request(written))).denial
            assert denial is not None
            assert (denial.causes[0].reason, denial.causes[0].field) == (rule_, "spec.containers[0]")
            assert remedy in denial.message.replace(". Leave", ". leave").replace(". Mount", ". mount")
            assert f"or have {by} leave the container out" in denial.message
    assert (await injection_door().review(pod_request(pod))).allowed, "nobody asked for it"


async def test_an_attach_to_one_that_was_made_before_is_none_that_is_recorded() -> None:
    made = of()
    made["metadata"]["annotations"] = {"chaperone.dev/main-process": "true"}
    made["spec"]["containers"][0]["stdin"] = True
    pod = await injected(made)
    attach = review.decode_review(body({"stdin": True}, operation="CONNECT", subresource="attach"))
    assert (await attach_door(pod).review(attach)).allowed
    pod["spec"]["containers"][0]["securityContext"] = adding("SYS_PTRACE")
    assert not (await attach_door(pod).review(attach)).allowed
