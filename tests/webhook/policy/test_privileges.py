"""What makes pods and templates privileged."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook.policy.privileges import TEMPLATE_KINDS, Privilege, UnreadableObjectError, find_privileges

P = Privilege
Object = dict[str, Any]


def in_kind(kind: str, pod: Object) -> bytes:
    match kind:
        case "Pod":
            return json.dumps(pod).encode()
        case "PodTemplate":
            return json.dumps({"template": pod}).encode()
        case "CronJob":
            return json.dumps({"spec": {"jobTemplate": {"spec": {"template": pod}}}}).encode()
        case "ControllerRevision":
            return json.dumps({"data": {"spec": {"template": {"$patch": "replace", **pod}}}}).encode()
        case _:
            return json.dumps({"spec": {"template": pod}}).encode()


def container(**fields: Any) -> Object:
    return {"spec": {"containers": [{"name": "app", **fields}]}}


def secured(**fields: Any) -> Object:
    return container(securityContext=fields)


PRIVILEGED: list[tuple[Object, Privilege]] = [
    (secured(privileged=True), P.PRIVILEGED),
    (secured(procMount="Unmasked"), P.PRIVILEGED),
    (secured(windowsOptions={"hostProcess": True}), P.PRIVILEGED),
    ({"spec": {"securityContext": {"windowsOptions": {"hostProcess": True}}}}, P.PRIVILEGED),
    ({"spec": {"hostNetwork": True}}, P.HOST_NAMESPACE),
    ({"spec": {"hostPID": True}}, P.HOST_NAMESPACE),
    ({"spec": {"hostIPC": True}}, P.HOST_NAMESPACE),
    ({"spec": {"volumes": [{"name": "v", "hostPath": {"path": "/etc"}}]}}, P.HOST_PATH),
    (secured(capabilities={"add": ["SYS_ADMIN"]}), P.ADDED_CAPABILITY),
    (secured(capabilities={"add": ["NET_BIND_SERVICE", "CAP_CHOWN"]}), P.ADDED_CAPABILITY),
    (secured(capabilities={"add": ["ALL"]}), P.ADDED_CAPABILITY),
    (secured(runAsUser=0), P.ROOT_WITH_ESCALATION),
    (secured(runAsUser=0, allowPrivilegeEscalation=True), P.ROOT_WITH_ESCALATION),
    ({"spec": {"securityContext": {"runAsUser": 0}, "containers": [{}]}}, P.ROOT_WITH_ESCALATION),
    (secured(seccompProfile={"type": "Unconfined"}), P.UNCONFINED_SECCOMP),
    ({"spec": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}}, P.UNCONFINED_SECCOMP),
    (secured(appArmorProfile={"type": "Unconfined"}), P.UNCONFINED_APPARMOR),
    (
        {
            "metadata": {"annotations": {"container.apparmor.security.beta.kubernetes.io/app": "unconfined"}},
            "spec": {},
        },
        P.UNCONFINED_APPARMOR,
    ),
    (container(volumeDevices=[{"name": "d", "devicePath": "/dev/x"}]), P.DEVICE),
    ({"spec": {"volumes": [{"hostPath": {"path": "/dev/mem"}}]}}, P.DEVICE),
    ({"spec": {"volumes": [{"hostPath": {"path": "/x", "type": "BlockDevice"}}]}}, P.DEVICE),
    ({"spec": {"resourceClaims": [{"name": "gpu", "resourceClaimName": "gpu"}]}}, P.DEVICE),
    (container(resources={"claims": [{"name": "gpu"}]}), P.DEVICE),
    (container(resources={"limits": {"vendor.example/device": "1"}}), P.DEVICE),
    (container(resources={"requests": {"cpu": "1", "vendor.example/device": 1}}), P.DEVICE),
    ({"spec": {"resources": {"limits": {"vendor.example/device": 1}}}}, P.DEVICE),
    (container(), P.POSSIBLE_ROOT),
    (secured(allowPrivilegeEscalation=True), P.POSSIBLE_ROOT),
    (secured(runAsNonRoot=False), P.POSSIBLE_ROOT),
    (
        {"spec": {"securityContext": {"runAsNonRoot": True}, **secured(runAsNonRoot=False)["spec"]}},
        P.POSSIBLE_ROOT,
    ),
    (container(ports=[{"containerPort": 80}, {"containerPort": 8, "hostPort": 8}]), P.HOST_PORT),
    ({"spec": {"initContainers": [{"securityContext": {"privileged": True}}]}}, P.PRIVILEGED),
    ({"spec": {"ephemeralContainers": [{"securityContext": {"privileged": True}}]}}, P.PRIVILEGED),
]
ORDINARY: list[Object] = [
    {"spec": None},
    secured(allowPrivilegeEscalation=False),
    secured(runAsNonRoot=True),
    {"spec": {"securityContext": {"runAsNonRoot": True}, "containers": [{"name": "app"}]}},
    {"spec": {"securityContext": {"runAsUser": 1000}, "initContainers": [{"name": "app"}]}},
    secured(privileged=False, runAsUser=1000, capabilities={"drop": ["ALL"], "add": None}),
    secured(runAsUser=0, allowPrivilegeEscalation=False),
    {
        "spec": {
            "securityContext": {"runAsUser": 0},
            "containers": [
                {"securityContext": {"runAsUser": 5, "capabilities": {"add": ["NET_BIND_SERVICE"]}}}
            ],
        }
    },
    secured(
        runAsUser=1, seccompProfile={"type": "RuntimeDefault"}, appArmorProfile={"type": "RuntimeDefault"}
    ),
    container(
        ports=[{"containerPort": 80, "hostPort": 0}],
        securityContext={"runAsUser": 1},
        volumeDevices=[],
        resources={
            "limits": {"cpu": 1, "memory": "1Gi", "hugepages-2Mi": "2Mi", "vendor.example/device": 0},
            "requests": {"kubernetes.io/batch-cpu": "1", "sub.kubernetes.io/x": 1, "other.example/y": "0"},
            "claims": [],
        },
    ),
    {"spec": {"volumes": [{"name": "v", "emptyDir": {}}], "hostNetwork": False, "hostPID": None}},
]


@pytest.mark.parametrize("kind", ["Pod", *sorted(TEMPLATE_KINDS)])
@pytest.mark.parametrize(("pod", "privilege"), PRIVILEGED)
def test_a_privilege_is_found_in_every_kind(kind: str, pod: Object, privilege: Privilege) -> None:
    found = dict(find_privileges(kind, in_kind(kind, pod)))
    assert privilege in found
    prefix = {
        "Pod": "",
        "PodTemplate": "template.",
        "CronJob": "spec.jobTemplate.spec.template.",
        "ControllerRevision": "data.spec.template.",
    }
    assert found[privilege].startswith(prefix.get(kind, "spec.template."))


@pytest.mark.parametrize("kind", ["Pod", *sorted(TEMPLATE_KINDS)])
@pytest.mark.parametrize("pod", ORDINARY)
def test_ordinary_pods_have_none(kind: str, pod: Object) -> None:
    assert find_privileges(kind, in_kind(kind, pod)) == ()


def test_each_is_given_once_with_the_path_that_says_so() -> None:
    pod = {"spec": {"hostPID": True, "hostNetwork": True, **secured(privileged=True, runAsUser=1)["spec"]}}
    assert [tuple(found) for found in find_privileges("CronJob", in_kind("CronJob", pod))] == [
        (P.PRIVILEGED, "spec.jobTemplate.spec.template.spec.containers[0].securityContext.privileged"),
        (P.HOST_NAMESPACE, "spec.jobTemplate.spec.template.spec.hostNetwork"),
    ]


def test_other_kinds_have_none_and_wrong_ones_are_refused() -> None:
    assert find_privileges("ConfigMap", b'{"data":{}}') == ()
    for data in (b'{"spec":[]}', b"[", b'{"spec":{"hostPID":"yes"}}'):
        with pytest.raises(UnreadableObjectError):
            find_privileges("Pod", data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["spec", "template", "containers", "securityContext", "x"]), inner)
    ),
)


@given(kind=st.sampled_from(["Pod", *sorted(TEMPLATE_KINDS)]), value=JSON)
def test_nothing_else_than_a_clean_refusal_comes_of_any_object(kind: str, value: object) -> None:
    try:
        find_privileges(kind, json.dumps(value).encode())
    except UnreadableObjectError:
        return
