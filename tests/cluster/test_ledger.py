"""The ledger of a real installation: sealed, signed, given out, and verified by an auditor."""

from pathlib import Path

from kube import NAMESPACE, SYSTEM, Kubectl, chaperone, until
from places import entries
from sessions import API, Audit, marker


def root_of(admin: Kubectl, pod: str) -> str:
    """The root as a recorder knows it."""
    path = '{.spec.initContainers[0].env[?(@.name=="CHAPERONE_ROOT_KEYS")].value}'
    return admin.run("get", "pod", "-n", NAMESPACE, pod, "-o", f"jsonpath={path}")


def test_a_session_is_sealed_signed_for_and_verified(
    agent: Kubectl, auditor: Kubectl, admin: Kubectl, app: str, audit: Audit, tmp_path: Path
) -> None:
    mark = marker()
    agent.run("exec", "-n", NAMESPACE, app, "--", "echo", mark)
    session = audit.recorded(mark).name
    key = f"manifest/{session}"
    until(lambda: key in entries(auditor), what="the session's manifest in the ledger")
    kept = tmp_path / "checkpoint"
    chaperone(auditor, "ledger", "checkpoint", "--now", "-o", str(kept))
    root = root_of(admin, app)
    out = chaperone(auditor, "ledger", "verify", "--root", root, "--checkpoint", str(kept))
    assert out.endswith("The record holds.\n")
    given = admin.get("-n", SYSTEM, "configmap/chaperone-ledger")["data"]
    assert int(given["checkpoint"].splitlines()[1]) >= int(kept.read_text().splitlines()[1])
    assert given["checkpoint"].splitlines()[0] == kept.read_text().splitlines()[0]


def test_kubectl_shows_the_ledger(auditor: Kubectl) -> None:
    header, row = auditor.run("get", "ledgers").splitlines()
    assert header.split() == ["NAME", "ENTRIES", "SIGNED", "ROOT"]
    assert row.split()[0] == "main"


def test_who_may_not_read_the_record_may_not_read_the_ledger(agent: Kubectl) -> None:
    for path in ("ledgers/main/entries", "ledgers/main/checkpoint"):
        result = agent.try_("get", "--raw", f"{API}/{path}")
        assert result.code == 1
        assert "forbidden" in result.error.lower()
