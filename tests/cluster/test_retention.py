"""Retention in a real installation: what is too old goes, is signed for, and what is held stays."""

import json
import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from installation import another_ledger, changed
from kube import NAMESPACE, SYSTEM, Kubectl, Object, chaperone, until
from ledger_desk import Desk
from node import container_id, processes
from places import replicas, sealed
from recorder_told import root_of
from sessions import API
from store_samples import T0

from webhook.collector.retention import months_before

FOLDER = "/var/lib/chaperone"
KEEP, REMOVE = (json.dumps({"months": months, "hotMonths": 3, "everySeconds": 2}) for months in (0, 12))
"""Everything is kept; what is older than twelve months goes, and is looked for all the time."""


@contextmanager
def on_an_old_store(admin: Kubectl, database: Path) -> Generator[None]:
    """Let the collector keep its record in a file beside its own, with a ledger of its own."""
    name = f"old-{os.urandom(4).hex()}.db"
    place = _folder(admin) / name
    shutil.copyfile(database, place)
    owner = (place.parent / "store.db").stat()
    os.chown(place, owner.st_uid, owner.st_gid)
    try:
        with (
            changed(admin, "collector", "CHAPERONE_STORE", f"sqlite://{FOLDER}/{name}"),
            another_ledger(admin),
        ):
            yield
    finally:
        for path in _folder(admin).glob(f"{name}*"):
            path.unlink()


def _folder(admin: Kubectl) -> Path:
    """The collector's volume, as the node sees it."""
    [pod] = replicas(admin, "collector")
    first = processes(container_id(admin, SYSTEM, pod, "collector"))[0]
    return Path(f"/proc/{first}/root{FOLDER}")


def sessions_of(folder: Path, *ended: int) -> tuple[Path, list[str]]:
    """Give a store with a session that ended at each of these times (Unix nanoseconds), and their ids."""
    desk = Desk(folder / "old.db")
    names = [desk.session((at - T0) // 1_000_000).session for at in ended]
    desk.store.close()
    return desk.path, names


@pytest.mark.timeout(600)
def test_what_is_too_old_goes_signed_for_and_what_is_held_stays(
    admin: Kubectl, auditor: Kubectl, app: str, tmp_path: Path
) -> None:
    now = time.time_ns()
    old, young = months_before(now, 13), months_before(now, 11)
    database, names = sessions_of(tmp_path, old, old + 1_000_000_000, young)
    gone, held, kept = names
    where = f"{API}/namespaces/{NAMESPACE}/sessions"

    def stored() -> set[str]:
        listed = auditor.try_("get", "--raw", f"{where}?limit=500")
        items: list[Object] = json.loads(listed.text)["items"] if listed.code == 0 else []
        return {item["metadata"]["name"] for item in items} & set(names)

    with changed(admin, "collector", "CHAPERONE_RETENTION", KEEP), on_an_old_store(admin, database):
        until(lambda: stored() == set(names), what="the old record")
        for name in names:
            sealed(auditor, name)
        chaperone(auditor, "holds", "set", "--session", held, "--reason", "case 7")
        with changed(admin, "collector", "CHAPERONE_RETENTION", REMOVE):
            until(lambda: gone not in (stored() or {gone}), what="the old session gone", seconds=90)
            assert stored() == {held, kept}
            said = chaperone(auditor, "ledger", "verify", "--root", root_of(admin, app))
            assert "Removed       1 by retention on " in said
            assert "kept 12 months)" in said
            assert said.endswith("The record holds.\n")
            selector = ("--field-selector", "type=record-removed")
            [event] = auditor.get("auditevents", "-n", SYSTEM, *selector)["items"]
            assert (event["details"]["sessions"], event["outcome"]) == (gone, "success")
            assert "1 sessions that had ended before" in event["reason"]
            assert sealed(auditor, gone).phase == "Completed", "the ledger keeps its manifest"
            assert "text" in chaperone(auditor, "sessions", "cast", held, "-n", NAMESPACE)
            report = json.loads(chaperone(auditor, "report", "retention", "--since", "70w"))
            assert report["attention"] == 0
            rows = report["tables"][0]["rows"]
            assert [sum(int(row[column]) for row in rows) for column in ("kept", "removed by age")] == [2, 1]
            assert stored() == {held, kept}
