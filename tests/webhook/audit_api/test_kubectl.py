"""The real kubectl, before a front that does the API server's part of aggregation."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from audit_front import AGENT, AUDITOR, Front, front
from audit_samples import FAILING, keep
from audit_server import Served

from webhook.store.contract import SessionRecord, Store

Kept = dict[str, SessionRecord]
Kubectl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def standing(served: Served) -> Iterator[Front]:
    with front(served) as running:
        yield running


@pytest.fixture
def kubectl(standing: Front, tmp_path: Path) -> Kubectl:
    """kubectl as a user of the front."""

    def run(*arguments: str, user: str = AUDITOR) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
        environment["KUBECONFIG"] = str(standing.kubeconfig(tmp_path, user))
        return subprocess.run(
            ["kubectl", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    return run


def test_get_prints_columns(kubectl: Kubectl, kept: Kept) -> None:
    header, *rows = kubectl("get", "sessions").stdout.splitlines()
    assert header.split() == ["NAME", "USER", "POD", "COMMAND", "PHASE", "EXIT", "FINDINGS", "AGE"]
    assert len(rows) == 5
    assert rows[-1].split()[:3] == [kept["shell"].session, "agent", "shop-5d9f"]
    assert all(row.isprintable() for row in rows)


def test_all_namespaces_and_wide(kubectl: Kubectl, kept: Kept) -> None:
    done = kubectl("get", "sessions", "-A", "-o", "wide")
    header, first, *_ = done.stdout.splitlines()
    assert header.split()[0] == "NAMESPACE"
    assert {"CONTAINER", "TTY", "DURATION"} <= set(header.split())
    assert first.split()[:2] == ["billing", kept["elsewhere"].session]


def test_pages_selectors_and_names(kubectl: Kubectl, kept: Kept) -> None:
    everything = kubectl("get", "sessions", "-o", "name", "--chunk-size", "2").stdout.split()
    assert len(everything) == 5
    chosen = kubectl("get", "sessions", "-o", "name", "--field-selector", "status.phase=Active").stdout
    assert chosen == f"session.audit.chaperone.dev/{kept['active'].session}\n"
    labelled = kubectl("get", "sessions", "-o", "name", "-l", "chaperone.dev/pod=shop-5d9f").stdout
    assert labelled == f"session.audit.chaperone.dev/{kept['shell'].session}\n"


def test_one_as_json_yaml_and_described(kubectl: Kubectl, kept: Kept) -> None:
    name = f"sessions/{kept['shell'].session}"
    assert json.loads(kubectl("get", name, "-o", "json").stdout)["status"]["exitCode"] == 0
    assert "exitCode: 0" in kubectl("get", name, "-o", "yaml").stdout
    assert "Masking:" in kubectl("describe", name).stdout


def test_discovery_and_explanation(kubectl: Kubectl) -> None:
    listed = kubectl("api-resources", "--api-group", "audit.chaperone.dev", "-o", "name").stdout
    assert {"sessions.audit.chaperone.dev", "searches.audit.chaperone.dev"} <= set(listed.split())
    assert "exitCode" in kubectl("explain", "sessions.status").stdout


def test_raw_events_casts_and_searches(kubectl: Kubectl, kept: Kept, tmp_path: Path) -> None:
    base = "/apis/audit.chaperone.dev/v1alpha1/namespaces/payments"
    session = f"{base}/sessions/{kept['shell'].session}"
    assert json.loads(kubectl("get", "--raw", f"{session}/events").stdout)["items"]
    assert json.loads(kubectl("get", "--raw", f"{session}/cast").stdout.splitlines()[0])["version"] == 2
    body = tmp_path / "search.json"
    search = {"apiVersion": "audit.chaperone.dev/v1alpha1", "kind": "Search", "spec": {"text": "alice"}}
    body.write_text(json.dumps(search))
    found = kubectl("create", "--raw", f"{base}/searches", "-f", str(body))
    assert found.returncode == 0, found.stderr
    assert len(json.loads(found.stdout)["status"]["hits"]) == 1


def test_a_watch_prints_what_happens(kubectl: Kubectl, standing: Front, store: Store, tmp_path: Path) -> None:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    environment["KUBECONFIG"] = str(standing.kubeconfig(tmp_path))
    command = ["kubectl", "get", "sessions", "-w", "-o", "name"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        before = [watching.stdout.readline() for _ in range(5)]
        record = keep(store, FAILING, offset_ms=10_000_000_000)
        assert watching.stdout.readline() == f"session.audit.chaperone.dev/{record.session}\n"
        assert len(set(before)) == 5
        watching.kill()


def test_whoever_has_no_right_is_refused(kubectl: Kubectl) -> None:
    done = kubectl("get", "sessions", user=AGENT)
    assert (done.returncode, "forbidden" in done.stderr.lower()) == (1, True)
    assert kubectl("get", "sessions", user="stranger").returncode == 1


def test_nothing_can_be_deleted(kubectl: Kubectl, kept: Kept) -> None:
    assert kubectl("delete", f"sessions/{kept['shell'].session}", "--wait=false").returncode == 1
    assert kubectl("get", f"sessions/{kept['shell'].session}").returncode == 0


def test_the_ledger_belongs_to_no_namespace(kubectl: Kubectl) -> None:
    header, row = kubectl("get", "ledgers").stdout.splitlines()
    assert (header.split(), row.split()[:3]) == (["NAME", "ENTRIES", "SIGNED", "ROOT"], ["main", "0", "0"])
    assert kubectl("get", "ledgers", "-o", "name").stdout == "ledger.audit.chaperone.dev/main\n"
    assert "Signed Size:" in kubectl("describe", "ledgers/main").stdout
    assert "signedSize" in kubectl("explain", "ledgers.status").stdout
