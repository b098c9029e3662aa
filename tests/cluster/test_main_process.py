"""Containers whose own program runs under the shim, on a real node: logs are masked, and they live on."""

import json
import re
import time
from typing import Any

from kube import NAMESPACE, Kubectl, Object, until
from node import kill_container
from pods import container, pod
from sessions import Audit, marker
from tickets import policy
from workshop import Workshop

PAN = "6011000990139424"
MASKED = "601100******9424"
ASKED = {"chaperone.dev/main-process": "true"}
COUNTING = f"i=0; while :; do i=$((i+1)); echo line $i of {PAN}, and more; sleep 0.05; done"


def sh(script: str, **more: Any) -> Object:
    return container(command=["sh", "-c", script], **more)


def logs(admin: Kubectl, name: str) -> str:
    return admin.run("logs", "-n", NAMESPACE, name, "-c", "app")


def app_status(admin: Kubectl, name: str) -> Object:
    status = admin.get("pod", name, "-n", NAMESPACE)["status"]
    return next(one for one in status["containerStatuses"] if one["name"] == "app")


def test_logs_are_masked_and_exec_works_as_ever(admin: Kubectl, agent: Kubectl, workshop: Workshop) -> None:
    orphans = "for i in 1 2 3; do (sleep 0.3 &); done"
    script = f'{orphans}; echo "$* pay with {PAN}"; echo {PAN} >&2; trap "exit 0" TERM; sleep infinity & wait'
    app = container(
        command=["sh", "-c", script],
        args=["-", "$(WHO) $$(WHO)", "$$", "$(who)", "$é", "$(NOBODY)", "$(NESTED)", "$(WHO"],
        env=[{"name": "WHO", "value": "till"}, {"name": "NESTED", "value": "a $(WHO)"}],
        readinessProbe={"exec": {"command": ["true"]}, "periodSeconds": 1, "timeoutSeconds": 10},
    )
    name = workshop.pod(pod(marker(), app, annotations=ASKED, terminationGracePeriodSeconds=60))
    until(lambda: logs(admin, name).count(MASKED) == 2, what="both lines in the log")
    assert f"till $(WHO) $ $(who) $é $(NOBODY) a till $(WHO pay with {MASKED}" in logs(admin, name)
    assert PAN not in logs(admin, name)
    assert agent.run("exec", "-n", NAMESPACE, name, "--", "echo", PAN) == f"{MASKED}\n"
    look = ("exec", "-n", NAMESPACE, name, "--", "ps", "-eo", "stat=,args=")
    until(
        lambda: not re.search(r"(?m)^Z|^\S+\s+sleep 0\.3", agent.run(*look)),
        what="no orphan left, and no zombie",
    )
    began = time.monotonic()
    admin.run("delete", "pod", "-n", NAMESPACE, name, "--timeout=60s")
    assert time.monotonic() - began < 50


def test_a_program_outlives_its_recorder(admin: Kubectl, workshop: Workshop) -> None:
    name = workshop.pod(pod(marker(), sh(COUNTING), annotations=ASKED))
    until(lambda: "line 20 " in logs(admin, name), what="a first lines")
    kill_container(admin, NAMESPACE, name, "chaperone-recorder")
    until(lambda: "output is missing here" in logs(admin, name), seconds=120, what="the next recorder")
    last = lines(logs(admin, name))[-1]
    until(lambda: lines(logs(admin, name))[-1] > last + 20, what="more lines")
    assert app_status(admin, name)["restartCount"] == 0
    shown = logs(admin, name)
    assert not re.search(r"6011000|\d9424,", shown)
    numbers = lines(shown)
    assert numbers == sorted(set(numbers))


def lines(shown: str) -> list[int]:
    return [int(number) for number in re.findall(rf"line (\d+) of {re.escape(MASKED)}, and more\n", shown)]


def test_how_it_ends_is_how_the_container_ends(admin: Kubectl, workshop: Workshop) -> None:
    script = "echo why > /dev/termination-log; exit 3"
    name = workshop.pod(pod(marker(), sh(script), annotations=ASKED, restartPolicy="Never"), ready=False)
    ended = until(lambda: app_status_or_none(admin, name), seconds=120, what="the end of the container")
    assert (ended["exitCode"], ended["message"].strip()) == (3, "why")


def app_status_or_none(admin: Kubectl, name: str) -> Object | None:
    statuses = admin.get("pod", name, "-n", NAMESPACE)["status"].get("containerStatuses", [])
    return next((one["state"]["terminated"] for one in statuses if "terminated" in one["state"]), None)


def test_it_is_started_again_with_the_same_grant(admin: Kubectl, workshop: Workshop) -> None:
    name = workshop.pod(pod(marker(), sh(f"echo {PAN}; exit 1"), annotations=ASKED), ready=False)
    until(
        lambda: (
            admin.get("pod", name, "-n", NAMESPACE)["status"].get("containerStatuses")
            and app_status(admin, name)["restartCount"] >= 2
        ),
        seconds=120,
        what="the container started a third time",
    )
    assert app_status(admin, name)["lastState"]["terminated"]["exitCode"] == 1
    until(
        lambda: admin.try_("logs", "-n", NAMESPACE, name, "-c", "app").text == f"{MASKED}\n",
        what="the log of its last run",
    )


def test_hooks_run_and_its_first_process_is_closed_to_them(admin: Kubectl, workshop: Workshop) -> None:
    started = {"exec": {"command": ["sh", "-c", "touch /tmp/started; echo around > /proc/1/fd/1 || true"]}}
    script = "until test -e /tmp/started; do sleep 0.1; done; echo started; sleep infinity & wait"
    name = workshop.pod(pod(marker(), sh(script, lifecycle={"postStart": started}), annotations=ASKED))
    until(lambda: "started" in logs(admin, name), what="the hook's work")
    assert "around" not in logs(admin, name)


def test_a_program_at_a_terminal_and_one_with_input(admin: Kubectl, workshop: Workshop) -> None:
    terminal = sh(f"test -t 1 && echo at a terminal {PAN}; sleep infinity", tty=True, stdin=True)
    piped = {**sh(f"echo {PAN}; cat", stdin=True), "name": "piped"}
    name = workshop.pod(pod(marker(), terminal, piped, annotations=ASKED))
    until(lambda: f"at a terminal {MASKED}" in logs(admin, name), what="the terminal's output")
    until(
        lambda: admin.run("logs", "-n", NAMESPACE, name, "-c", "piped") == f"{MASKED}\n",
        what="the output of the one with input",
    )


def test_attach_shows_what_the_log_shows(admin: Kubectl, agent: Kubectl, workshop: Workshop) -> None:
    name = workshop.pod(pod(marker(), sh(COUNTING), annotations=ASKED))
    attached = agent.start("attach", "-n", NAMESPACE, name, "-c", "app")
    assert attached.stdout is not None
    seen = [attached.stdout.readline().decode() for _ in range(3)]
    attached.kill()
    attached.communicate()
    assert len(lines("".join(seen))) >= 2, seen
    refused = agent.try_("attach", "-i", "-n", NAMESPACE, name, "-c", "app")
    assert refused.code != 0
    assert "does not record an attach to a program that is not under the shim" in refused.error


def test_what_only_the_image_knows_is_refused(admin: Kubectl) -> None:
    silent = {key: value for key, value in container().items() if key != "command"}
    refused = admin.try_apply(pod(marker(), silent, annotations=ASKED))
    assert refused.code != 0
    assert "it has no command, so the image decides" in refused.error
    assert "ENTRYPOINT" in refused.error
    assert "mainProcess.registry.hosts" in refused.error


def test_a_policy_masks_and_records_logs_without_an_annotation(
    admin: Kubectl, audit: Audit, workshop: Workshop
) -> None:
    account = {
        "name": "account",
        "pattern": "ACC-[0-9]{8}",
        "show": "last4",
        "positive": ["from ACC-12345678 to"],
        "negative": ["ACC-12"],
    }
    name = marker()
    rule: Object = {
        "name": "masked-logs",
        "action": "audit",
        "match": {"doors": ["pod"], "namespaces": [NAMESPACE], "labels": {"app": name}},
        "mainProcess": {"recorded": True},
        "session": {"maskingRules": [account]},
    }
    manifest = pod(
        name,
        sh(f"echo from ACC-12345678 by {PAN}; sleep infinity"),
        annotations={"chaperone.dev/main-process": "false"},
    )
    with policy(admin, rule):
        until(lambda: all(is_wrapped(admin, manifest) for _ in range(6)), what="all replicas decide alike")
        workshop.pod(manifest)
    until(lambda: logs(admin, name), what="a line in the log")
    assert logs(admin, name) == f"from ACC-****5678 by {MASKED}\n"
    shown = until(
        lambda: [data for one in audit.of_own_program(name, "app") if (data := one.data("stdout"))],
        what="its record",
    )
    assert shown == [f"from ACC-****5678 by {MASKED}\n".encode()]


def is_wrapped(admin: Kubectl, manifest: Object) -> bool:
    """Tell whether a pod like this would be made, and its program run under the shim."""
    made = admin.try_(
        "create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(manifest).encode()
    )
    return made.code == 0 and "/.chaperone/shim" in json.loads(made.text)["spec"]["containers"][0]["command"]
