"""``chaperone holds``."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_front import AGENT, AUDITOR, Front, front
from audit_server import serve
from cli_runner import Chaperone

from webhook.store import SqliteSettings, open_store


@pytest.fixture
def own_front(tmp_path: Path) -> Iterator[Front]:
    store = open_store(SqliteSettings(tmp_path / "store.db"))
    store.prepare()
    with serve(store, tmp_path) as served, front(served) as running:
        yield running
    store.close()


@pytest.fixture
def auditor(own_front: Front, tmp_path: Path) -> Chaperone:
    return Chaperone(own_front.kubeconfig(tmp_path, AUDITOR))


def test_a_hold_is_set_listed_and_released(auditor: Chaperone) -> None:
    assert auditor.run("holds", "list").error == "There are no legal holds.\n"
    out = auditor.out("holds", "set", "--agent", "agent", "--since", "2026-03-01", "--reason", "case\x1b7")
    name = out.split()[2]
    assert "is set and keeps agent=agent since=2026-02-28T23:00:00.000000Z." in out
    header, row = auditor.out("holds", "list", COLUMNS="80").splitlines()
    assert header.split() == ["HOLD", "KEEPS", "SET", "BY", "REASON", "IN", "FORCE", "AGE"]
    assert row.startswith(name)
    assert len(row) <= 80
    assert "case\\x1b7" in auditor.out("holds", "list")
    assert "is released" in auditor.out("holds", "release", name, "--reason", "closed")
    (listed,) = auditor.run("holds", "list", "-o", "json").json["items"]
    assert listed["status"]["releaseReason"] == "closed"


def test_what_is_missing_is_said(auditor: Chaperone) -> None:
    done = auditor.run("holds", "set", "--reason", "why")
    assert (done.code, "--session, --agent" in done.error) == (2, True)
    assert auditor.run("holds", "set", "--agent", "x").code == 2
    done = auditor.run("holds", "release", "nonsense", "--reason", "x")
    assert "chaperone holds list" in done.error
    done = auditor.run("holds", "release", "01m3250v00wtbvtjmefmkeffw2", "--reason", "x")
    assert (done.code, "chaperone holds list" in done.error) == (3, True)
    done = auditor.run("holds", "set", "--since", "soon", "--reason", "x")
    assert (done.code, "--since" in done.error) == (2, True)


def test_who_may_not_is_told(own_front: Front, tmp_path: Path) -> None:
    done = Chaperone(own_front.kubeconfig(tmp_path, AGENT)).run("holds", "list")
    assert done.code == 4
    assert "clusterrolebinding" in done.error
