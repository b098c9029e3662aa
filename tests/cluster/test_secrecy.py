"""A card number is nowhere but in the recorder's memory: no file, no log, no object holds it."""

import subprocess

from kube import NAMESPACE, SYSTEM, Kubectl, until
from places import files
from pods import container, pod
from sessions import Audit, marker
from workshop import Workshop

RAW = b"5105105105105100"
MASKED = b"510510******5100"
SCRIPT = "printf '%s%s\\n' 51051051 05105100; sleep 300"
"""The number is not in the command line."""


def test_a_card_number_is_in_no_file_log_or_object(
    workshop: Workshop, admin: Kubectl, agent: Kubectl, audit: Audit
) -> None:
    mark = marker()
    workshop.pod(pod("secretive", container()))
    process = agent.start(
        "exec", "-n", NAMESPACE, "secretive", "--", "sh", "-c", SCRIPT, mark, stdin=subprocess.DEVNULL
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == MASKED + b"\n"
        collector = admin.get("-n", SYSTEM, "pods", "-l", "app.kubernetes.io/component=collector")["items"][0]
        until(lambda: audit.find(mark), what="the living session on record")
        spool = files(admin, NAMESPACE, "secretive", "chaperone-recorder", "/spool")
        store = files(admin, SYSTEM, collector["metadata"]["name"], "collector", "/var/lib/chaperone")
        assert MASKED in spool
        for place in (
            spool,
            store,
            admin.try_("logs", "-n", NAMESPACE, "secretive", "--all-containers").stdout,
            admin.try_("logs", "-n", SYSTEM, "-l", "app.kubernetes.io/name=chaperone", "--tail=-1").stdout,
            admin.try_("get", "pods,events", "-n", NAMESPACE, "-o", "json").stdout,
        ):
            assert place
            assert RAW not in place
    finally:
        process.kill()
        process.communicate()
