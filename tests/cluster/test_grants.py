"""A grant starts one session, in the container it was made for, with its command line, once."""

import pytest
from grants import OWN_GRANT, OldGrant, own_grant
from kube import NAMESPACE, Kubectl
from pods import container, pod
from workshop import Workshop

EXEC = ("exec", "-n", NAMESPACE)
SHIM = "/.chaperone/shim"


@pytest.fixture
def grant(agent: Kubectl, app: str) -> str:
    """A used grant of container ``app`` in pod ``app``."""
    return own_grant(agent, app)


def dial(agent: Kubectl, name: str, grant: str, *argv: str, container: str = "app") -> tuple[int, str]:
    """Start the shim by hand inside a container, as an application could."""
    script = '"$@"; echo "code $?"'
    result = agent.try_(
        *EXEC, name, "-c", container, "--", "sh", "-c", script, "sh", SHIM, grant, "--", *argv
    )
    code = int(result.text.rsplit("code ", 1)[1])
    return code, result.error


def test_a_used_grant_is_refused(agent: Kubectl, app: str, grant: str) -> None:
    code, error = dial(agent, app, grant, "sh", "-c", OWN_GRANT)
    assert code == 126
    assert "chaperone: " in error
    assert "used" in error


def test_another_command_line_is_refused(agent: Kubectl, app: str, grant: str) -> None:
    code, error = dial(agent, app, grant, "id")
    assert (code, "another command line" in error) == (126, True)


@pytest.mark.parametrize("forged", ["", "x", "e30", "A" * 400])
def test_a_forged_grant_is_refused(agent: Kubectl, app: str, forged: str) -> None:
    code, error = dial(agent, app, forged, "id")
    assert code == 126
    assert error.startswith("chaperone: ")
    assert len(error.strip().splitlines()) == 1


def test_a_changed_grant_is_refused(agent: Kubectl, app: str, grant: str) -> None:
    middle = len(grant) // 2
    changed = grant[:middle] + ("A" if grant[middle] != "A" else "B") + grant[middle + 1 :]
    code, _ = dial(agent, app, changed, "sh", "-c", OWN_GRANT)
    assert code == 126


def test_another_pod_and_another_container_are_refused(workshop: Workshop, agent: Kubectl, app: str) -> None:
    workshop.pod(pod("other", container("app"), container("second")))
    code, error = dial(agent, "other", own_grant(agent, app), "sh", "-c", OWN_GRANT)
    assert (code, "another pod" in error) == (126, True)
    code, error = dial(agent, "other", own_grant(agent, "other"), "sh", "-c", OWN_GRANT, container="second")
    assert (code, "another container" in error) == (126, True)


def test_an_expired_grant_is_refused(agent: Kubectl, first_grant: OldGrant) -> None:
    code, error = dial(agent, first_grant.pod, first_grant.expired(), "sh", "-c", OWN_GRANT)
    assert (code, "expired" in error) == (126, True)


def test_a_shim_without_a_grant_is_refused(agent: Kubectl, app: str) -> None:
    result = agent.try_(*EXEC, app, "--", "sh", "-c", f"{SHIM}; echo code $?")
    assert "code 126" in result.text


def test_asking_for_the_shim_by_name_is_refused(agent: Kubectl, app: str, grant: str) -> None:
    result = agent.try_(*EXEC, app, "--", SHIM, grant, "--", "id")
    assert result.code != 0
    assert "uid=" not in result.text


def test_refusals_are_on_record(agent: Kubectl, auditor: Kubectl, app: str, grant: str) -> None:
    """A stolen grant is an incident an auditor can see."""
    dial(agent, app, grant, "id")
    path = f"/apis/audit.chaperone.dev/v1alpha1/namespaces/{NAMESPACE}/notices"
    kinds = {item["kind"] if "reason" not in item else item["reason"] for item in auditor.raw(path)["items"]}
    assert kinds & {"grant-refused", "grant-replayed"}
