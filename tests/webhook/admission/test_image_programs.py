"""Programs that a manifest leaves to its image: known before the pod is, and put under the shim."""

import copy

import pytest
from reviews import ROOT, Images, Object, injected, injection_door, plain_pod, pod_door, pod_request

from sidecar.contract.grants import argv_digest, verify_grant
from webhook.admission import review
from webhook.registry.manifests import Program

pytestmark = pytest.mark.anyio
TILL = Images(till=Program(("/bin/till", "-v"), ("serve",)))


def asking(**fields: object) -> Object:
    pod = plain_pod({"name": "app", "image": "till", **fields})
    pod["metadata"]["annotations"] = {"chaperone.dev/main-process": "true"}
    return pod


def runs(pod: Object) -> tuple[list[str], list[str]]:
    app = pod["spec"]["containers"][0]
    return app["command"][3:], app.get("args", [])


_CASES: list[tuple[list[str], list[str], list[str] | None, tuple[list[str], list[str]]]] = [
    (["/bin/till", "-v"], ["serve"], None, (["/bin/till", "-v"], ["serve"])),
    (["/bin/till"], ["serve"], ["sell", "$(WHAT)"], (["/bin/till"], ["sell", "$(WHAT)"])),
    (["/bin/till"], [], None, (["/bin/till"], [])),
    ([], ["sh", "-c", "serve"], None, (["sh"], ["-c", "serve"])),
    ([], ["sh"], ["ash", "-c", "x"], (["ash"], ["-c", "x"])),
    ([], ["sh"], None, (["sh"], [])),
    (["sh", "-c", "echo $(id) $$ $HOME"], [], None, (["sh", "-c", "echo $$(id) $$$$ $$HOME"], [])),
    (["sh"], ["-c", "echo $HOME"], None, (["sh"], ["-c", "echo $HOME"])),
    (["sh"], ["-c", "echo $é"], None, (["sh"], ["-c", "echo $$é"])),
]


@pytest.mark.parametrize(("entrypoint", "cmd", "args", "expected"), _CASES)
async def test_what_would_run_runs_under_the_shim(
    entrypoint: list[str], cmd: list[str], args: list[str] | None, expected: tuple[list[str], list[str]]
) -> None:
    images = Images(till=Program(tuple(entrypoint), tuple(cmd)))
    pod = await injected(asking(**({} if args is None else {"args": args})), images)
    assert runs(pod) == expected
    answer = await pod_door().review(pod_request(pod))
    assert answer.denial is None


async def test_the_grant_is_for_what_the_image_says() -> None:
    pod = await injected(asking(), TILL)
    token = pod["spec"]["containers"][0]["command"][1]
    grant = verify_grant(token.encode(), roots=ROOT.roots, now=None)
    assert grant.argv_digest == argv_digest([b"/bin/till", b"-v", b"serve"])


async def test_an_init_container_is_asked_for_by_its_name() -> None:
    pod = asking(command=["/bin/app"])
    pod["spec"]["initContainers"] = [{"name": "first", "image": "till"}]
    pod["metadata"]["annotations"] = {"chaperone.dev/main-process": "first"}
    found = await injected(pod, TILL)
    assert found["spec"]["initContainers"][1]["command"][3:] == ["/bin/till", "-v"]
    assert found["spec"]["initContainers"][1]["args"] == ["serve"]
    assert found["spec"]["containers"][0]["command"] == ["/bin/app"]


async def test_no_registry_is_asked_a_second_time_nor_when_it_need_not_be() -> None:
    images = Images(till=Program(("/bin/till",)))
    pod = await injected(asking(), images)
    before = copy.deepcopy(pod)
    assert await injected(pod, images) == before
    await injected(asking(command=["/bin/app"]), images)
    plain = plain_pod({"name": "app", "image": "till"})
    await injected(plain, images)
    assert images.asked == 1


async def refused(pod: Object, images: Images | None = None) -> review.Denial:
    answer = await injection_door(images).review(pod_request(pod))
    assert answer.denial is not None
    return answer.denial


async def test_a_refusal_says_why_and_what_to_write() -> None:
    denial = await refused(asking())
    assert denial.causes[0].reason == "NoCommand"
    assert denial.causes[0].field == "spec.containers[0].command"
    assert "its registry is on fire" in denial.message
    assert "write the image's ENTRYPOINT into command" in denial.causes[1].message


async def test_an_image_that_only_nodes_have_is_not_asked_for() -> None:
    images = Images(till=Program(("/bin/till",)))
    denial = await refused(asking(imagePullPolicy="Never"), images)
    assert "imagePullPolicy: Never" in denial.message
    assert images.asked == 0


async def test_an_image_brings_no_shim_and_no_grant() -> None:
    images = Images(till=Program(("/.chaperone/shim", "grant", "--main", "sh")))
    pod = await injected(asking(), images)
    assert runs(pod) == (["sh"], [])
    assert pod["spec"]["containers"][0]["command"][1] != "grant"
    other = Images(till=Program(("//.chaperone/shim", "grant", "--main", "sh")))
    assert (await refused(asking(), other)).causes[0].reason == "ShimIsReserved"


async def test_a_pod_without_its_command_is_not_judged_by_another_word_of_the_registry() -> None:
    pod = await injected(asking(), TILL)
    del pod["spec"]["containers"][0]["command"]
    answer = await pod_door().review(pod_request(pod))
    assert answer.denial is not None
    assert answer.denial.causes[0].reason in {"InjectionChanged", "NoCommand"}
