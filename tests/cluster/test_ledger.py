"""The ledger of a real installation: sealed, signed, given out, and verified by an auditor."""

from pathlib import Path

from installation import changed
from kube import NAMESPACE, SYSTEM, Kubectl, chaperone, until
from places import sealed
from recorder_told import root_of
from sessions import API, Audit, marker

from sidecar.contract.environment import read_roots
from webhook.collector.checkpoints import given_out
from webhook.ledger.checkpoints import Checkpoint
from webhook.ledger.keys import origin_of


def given(admin: Kubectl, roots: tuple[bytes, ...]) -> Checkpoint:
    """The checkpoint that was given out last, once its signature and its key's certificate are checked."""
    data = admin.get("-n", SYSTEM, "configmap/chaperone-ledger")["data"]
    checkpoint = given_out(data, origin_of(roots[0]), roots)
    assert checkpoint is not None, data
    return checkpoint


def test_a_session_is_sealed_signed_for_and_verified(
    agent: Kubectl, auditor: Kubectl, admin: Kubectl, app: str, audit: Audit, tmp_path: Path
) -> None:
    mark = marker()
    agent.run("exec", "-n", NAMESPACE, app, "--", "echo", mark)
    assert sealed(auditor, audit.recorded(mark).name).phase == "Completed"
    kept = tmp_path / "checkpoint"
    chaperone(auditor, "ledger", "checkpoint", "--now", "-o", str(kept))
    root = root_of(admin, app)
    out = chaperone(auditor, "ledger", "verify", "--root", root, "--checkpoint", str(kept))
    assert out.endswith("The record holds.\n")
    given = admin.get("-n", SYSTEM, "configmap/chaperone-ledger")["data"]
    assert int(given["checkpoint"].splitlines()[1]) >= int(kept.read_text().splitlines()[1])
    assert given["checkpoint"].splitlines()[0] == kept.read_text().splitlines()[0]


def test_checkpoints_are_signed_and_given_out_by_themselves(
    agent: Kubectl, auditor: Kubectl, admin: Kubectl, app: str, tmp_path: Path
) -> None:
    """On a schedule that a test has time for; nobody asks for one."""
    root = root_of(admin, app)
    roots = read_roots(root)
    with changed(admin, "collector", "CHAPERONE_CHECKPOINT_SECONDS", "2"):
        for number in range(3):
            before = given(admin, roots).size
            agent.run("exec", "-n", NAMESPACE, app, "--", "true")
            until(lambda: given(admin, roots).size > before, what="a newer checkpoint", seconds=30)  # noqa: B023  asked at once
            kept = tmp_path / f"{number}.txt"
            kept.write_text(admin.get("-n", SYSTEM, "configmap/chaperone-ledger")["data"]["checkpoint"])
    files = [word for path in sorted(tmp_path.iterdir()) for word in ("--checkpoint", str(path))]
    said = chaperone(auditor, "ledger", "verify", "--root", root, "--no-sessions", *files)
    assert said.count(": agrees, ") == 3
    assert said.endswith("The record holds.\n")


def test_kubectl_shows_the_ledger(auditor: Kubectl) -> None:
    header, row = auditor.run("get", "ledgers").splitlines()
    assert header.split() == ["NAME", "ENTRIES", "SIGNED", "ROOT"]
    assert row.split()[0] == "main"


def test_who_may_not_read_the_record_may_not_read_the_ledger(agent: Kubectl) -> None:
    for path in ("ledgers/main/entries", "ledgers/main/checkpoint"):
        result = agent.try_("get", "--raw", f"{API}/{path}")
        assert result.code == 1
        assert "forbidden" in result.error.lower()
