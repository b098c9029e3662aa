"""What is put into pods, and what stands in its way."""

import copy

import pytest
from reviews import (
    ROOT,
    Object,
    apply,
    injected,
    injected_request,
    injection_door,
    plain_pod,
    pod_door,
    pod_request,
)

from sidecar.contract.environment import read_roots
from webhook.admission.injection import InjectionDoor
from webhook.admission.pod import PodDoor
from webhook.admission.review import MalformedReviewError

pytestmark = pytest.mark.anyio


def environment(pod: Object) -> dict[str, str]:
    return {v["name"]: v.get("value", "") for v in pod["spec"]["initContainers"][0]["env"]}


async def test_the_recorder_comes_first_and_everybody_gets_the_shim() -> None:
    own = {"name": "config", "mountPath": "/etc/app"}
    pod = plain_pod(
        {"name": "app", "volumeMounts": [own]},
        {"name": "proxy"},
        initContainers=[{"name": "setup"}, {"name": "mesh", "restartPolicy": "Always"}],
        volumes=[{"name": "config", "configMap": {"name": "c"}}],
    )
    spec = (await injected(pod))["spec"]
    assert [c["name"] for c in spec["initContainers"]] == ["chaperone-recorder", "setup", "mesh"]
    assert [v["name"] for v in spec["volumes"]] == [
        "config",
        "chaperone",
        "chaperone-debug",
        "chaperone-spool",
        "chaperone-token",
    ]
    for container in [*spec["initContainers"][1:], *spec["containers"]]:
        mount = {
            "name": "chaperone",
            "mountPath": "/.chaperone",
            "subPath": container["name"],
            "readOnly": True,
        }
        assert mount in container["volumeMounts"]
    assert own in spec["containers"][0]["volumeMounts"]


async def test_the_recorder_fits_the_restricted_standard() -> None:
    recorder = (await injected(plain_pod()))["spec"]["initContainers"][0]
    assert recorder["restartPolicy"] == "Always"
    security = recorder["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert recorder.keys().isdisjoint({"readinessProbe", "startupProbe", "lifecycle"}), "each delays the pod"


async def test_the_recorder_is_told_what_it_trusts() -> None:
    variables = environment(await injected(plain_pod({"name": "a"}, {"name": "b"})))
    assert variables["CHAPERONE_CONTAINERS"] == "a,b"
    assert read_roots(variables["CHAPERONE_ROOT_KEYS"]) == ROOT.roots
    assert variables["CHAPERONE_CA"] == ROOT.bundle
    assert variables["CHAPERONE_COLLECTOR"].startswith("wss://chaperone-collector.chaperone-system.svc:8443/")


async def test_the_applications_own_token_is_not_mounted_into_the_recorder() -> None:
    recorder = (await injected(plain_pod()))["spec"]["initContainers"][0]
    paths = {m["mountPath"]: m["name"] for m in recorder["volumeMounts"]}
    assert paths["/var/run/secrets/kubernetes.io/serviceaccount"] == "chaperone-token"


async def test_a_pod_seen_again_stays_as_it_is() -> None:
    once = await injected(plain_pod(initContainers=[{"name": "setup"}]))
    assert await injected(once) == once


async def test_what_another_webhook_added_is_completed_and_the_recorder_is_first_again() -> None:
    pod = await injected(plain_pod())
    pod["spec"]["initContainers"].insert(0, {"name": "mesh-init"})
    pod["spec"]["containers"].append({"name": "mesh", "volumeMounts": [{"name": "m", "mountPath": "/m"}]})
    spec = (again := await injected(pod))["spec"]
    assert [c["name"] for c in spec["initContainers"]] == ["chaperone-recorder", "mesh-init"]
    assert environment(again)["CHAPERONE_CONTAINERS"] == "mesh-init,app,mesh"
    for container in [spec["initContainers"][1], *spec["containers"]]:
        assert [m["mountPath"] for m in container["volumeMounts"]].count("/.chaperone") == 1


async def test_a_recorder_that_somebody_changed_is_put_right_again() -> None:
    wanted = await injected(plain_pod())
    pod = copy.deepcopy(wanted)
    recorder = pod["spec"]["initContainers"][0]
    for variable in recorder["env"]:
        if variable["name"] == "CHAPERONE_ROOT_KEYS":
            variable["value"] = "AAAA"
    recorder["env"].append({"name": "LD_PRELOAD", "value": "/x"})
    recorder["securityContext"]["privileged"] = True
    pod["spec"]["volumes"][1]["emptyDir"]["sizeLimit"] = "1"
    pod["spec"]["containers"][0]["volumeMounts"][0] |= {"subPath": "x", "mountPropagation": "None"}
    assert await injected(pod) == wanted
    pod = copy.deepcopy(wanted)
    del pod["spec"]["initContainers"]
    assert await injected(pod) == wanted


async def test_of_several_recorders_one_is_left_and_nobody_elses_container_is_lost() -> None:
    pod = await injected(plain_pod(initContainers=[{"name": "setup"}]))
    wanted = copy.deepcopy(pod)
    recorder = pod["spec"]["initContainers"][0]
    pod["spec"]["initContainers"] = [recorder, recorder, *pod["spec"]["initContainers"][1:], recorder]
    assert await injected(pod) == wanted


@pytest.mark.parametrize("namespace", ["kube-system"])
async def test_an_exempt_namespace_is_left_alone(namespace: str) -> None:
    answer = await injection_door().review(pod_request(plain_pod(), namespace=namespace))
    assert answer.allowed
    assert answer.patch == ()


async def test_annotations_and_names_of_generated_pods_do_not_matter() -> None:
    pod = plain_pod()
    pod["metadata"] = {"generateName": "web-", "annotations": {"a": "b"}}
    assert (await injected(pod))["metadata"]["annotations"] == {
        "a": "b",
        "chaperone.dev/recorder": "0.1.0",
        "kubectl.kubernetes.io/default-container": "app",
    }


async def test_a_chosen_default_container_stays_chosen() -> None:
    pod = plain_pod({"name": "app"}, {"name": "other"})
    pod["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "other"}
    annotations = (await injected(pod))["metadata"]["annotations"]
    assert annotations["kubectl.kubernetes.io/default-container"] == "other"


@pytest.mark.parametrize("policy", ["ClusterFirst", "Default", "None"])
async def test_a_recorder_does_not_depend_on_the_names_of_its_pod(policy: str) -> None:
    own = {"ip": "10.1.1.1", "hostnames": ["db"]}
    pod = await injected(plain_pod(hostAliases=[own], hostNetwork=True, dnsPolicy=policy))
    assert environment(pod)["CHAPERONE_COLLECTOR_ADDRESS"] == "10.96.0.77"
    assert pod["spec"]["hostAliases"] == [own]
    assert await injected(pod) == pod


def mounting(path: str, **more: object) -> Object:
    mount = {"name": "v", "mountPath": path, **more}
    return plain_pod({"name": "app", "volumeMounts": [mount]}, volumes=[{"name": "v", "emptyDir": {}}])


BAD = {
    "at": (mounting("/.chaperone"), "ReservedMountPath", "spec.containers[0].volumeMounts[0].mountPath"),
    "under": (mounting("/.chaperone/shim"), "ReservedMountPath", "/.chaperone/shim"),
    "dots": (mounting("/etc/../.chaperone"), "ReservedMountPath", "/etc/../.chaperone"),
    "slashes": (mounting("//.chaperone/"), "ReservedMountPath", "app"),
    "relative": (mounting(".chaperone"), "ReservedMountPath", "app"),
    "root": (mounting("/"), "ReservedMountPath", "app"),
    "like ours": (mounting("/.chaperone", subPath="app", readOnly=True), "ReservedMountPath", "app"),
    "init": (
        plain_pod(
            initContainers=[{"name": "i", "volumeMounts": [{"name": "v", "mountPath": "/.chaperone/x"}]}]
        ),
        "ReservedMountPath",
        "spec.initContainers[0].volumeMounts[0]",
    ),
    "device": (
        plain_pod({"name": "app", "volumeDevices": [{"name": "d", "devicePath": "/.chaperone/sock"}]}),
        "ReservedMountPath",
        "spec.containers[0].volumeDevices[0].devicePath",
    ),
    "termination message": (
        plain_pod({"name": "app", "terminationMessagePath": "/etc//../.chaperone/shim"}),
        "ReservedMountPath",
        "spec.containers[0].terminationMessagePath",
    ),
    "our volume elsewhere": (
        plain_pod({"name": "app", "volumeMounts": [{"name": "chaperone-token", "mountPath": "/t"}]}),
        "ReservedVolumeMount",
        "chaperone-token",
    ),
    "another's directory": (
        plain_pod(
            {
                "name": "app",
                "volumeMounts": [
                    {"name": "chaperone", "mountPath": "/.chaperone", "subPath": "b", "readOnly": True}
                ],
            }
        ),
        "ReservedMountPath",
        "app",
    ),
    "container name": (
        plain_pod({"name": "chaperone-recorder"}),
        "ReservedContainerName",
        "spec.containers[0].name",
    ),
    "init container name": (
        plain_pod(initContainers=[{"name": "chaperone-recorder", "image": "mine"}]),
        "ReservedContainerName",
        "spec.initContainers[0].name",
    ),
    "volume name": (
        plain_pod(volumes=[{"name": "chaperone", "hostPath": {"path": "/"}}]),
        "ReservedVolumeName",
        "spec.volumes[0].name",
    ),
    "volume like ours on disk": (
        plain_pod(volumes=[{"name": "chaperone", "emptyDir": {}}]),
        "ReservedVolumeName",
        "spec.volumes[0].name",
    ),
    "collector's name": (
        plain_pod(hostAliases=[{"ip": "1.2.3.4", "hostnames": ["chaperone-collector.chaperone-system.svc"]}]),
        "ReservedHostName",
        "spec.hostAliases[0]",
    ),
    "collector's long name": (
        plain_pod(
            hostAliases=[
                {"ip": "1.2.3.4", "hostnames": ["Chaperone-Collector.chaperone-system.svc.cluster.local."]}
            ]
        ),
        "ReservedHostName",
        "another address",
    ),
    "tracing in a shared process namespace": (
        plain_pod(
            {"name": "app", "image": "i", "securityContext": {"capabilities": {"add": ["cap_sys_ptrace"]}}},
            shareProcessNamespace=True,
        ),
        "RecorderCouldBeTraced",
        "spec.shareProcessNamespace",
    ),
    "privileged in the host's process namespace": (
        plain_pod({"name": "app", "image": "i", "securityContext": {"privileged": True}}, hostPID=True),
        "RecorderCouldBeTraced",
        "spec.hostPID",
    ),
    "windows": (plain_pod(os={"name": "windows"}), "WindowsPod", "Windows"),
    "windows node": (
        plain_pod(nodeSelector={"kubernetes.io/os": "windows"}),
        "WindowsPod",
        "spec.nodeSelector",
    ),
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("door", [injection_door(), pod_door()], ids=["injection", "pods"])
async def test_a_pod_in_the_way_is_refused_by_name(
    door: InjectionDoor | PodDoor, case: tuple[Object, str, str]
) -> None:
    """When it comes to be injected, and should another webhook bring it about later, when it is judged."""
    pod, rule, named = case
    answer = await door.review(pod_request(pod))
    assert answer.denial is not None
    assert answer.denial.code == 403
    assert answer.denial.causes[0].reason == rule
    assert "payments/web" in answer.denial.message
    assert named in answer.denial.message + answer.denial.causes[0].field


@pytest.mark.parametrize("add", [[], ["NET_ADMIN"], ["SYS_PTRACE"]])
@pytest.mark.parametrize("shared", [True, False])
async def test_sharing_processes_or_tracing_alone_is_no_harm(shared: bool, add: list[str]) -> None:
    context = {"capabilities": {"add": add}}
    pod = plain_pod({"name": "app", "image": "i", "securityContext": context}, shareProcessNamespace=shared)
    answer = await injection_door().review(pod_request(pod))
    assert answer.allowed is not (shared and add == ["SYS_PTRACE"])


@pytest.mark.parametrize("path", ["/.chaperones", "/chaperone", "/data/.chaperone", "/.chaperone.d/x"])
async def test_other_paths_are_none_of_our_business(path: str) -> None:
    assert (await pod_door().review(await injected_request(mounting(path)))).allowed


@pytest.mark.parametrize(
    "pod",
    [
        {"spec": {}},
        {"metadata": {}, "spec": {"containers": None}},
        {"metadata": {}, "spec": {"containers": [None]}},
        {"metadata": {}, "spec": {"containers": [{"name": 1}]}},
        [],
        None,
    ],
)
async def test_what_is_no_pod_is_malformed(pod: Object) -> None:
    with pytest.raises(MalformedReviewError):
        await injection_door().review(pod_request(pod))


async def test_the_patch_names_only_what_it_changes() -> None:
    pod = plain_pod({"name": "app", "surprise": {"kept": True}})
    answer = await injection_door().review(pod_request(pod))
    assert apply(pod, answer)["spec"]["containers"][0]["surprise"] == {"kept": True}


async def test_an_injected_pod_can_be_selected() -> None:
    pod = plain_pod()
    pod["metadata"]["labels"] = {"app": "web"}
    assert (await injected(pod))["metadata"]["labels"] == {"app": "web", "chaperone.dev/guarded": "true"}
