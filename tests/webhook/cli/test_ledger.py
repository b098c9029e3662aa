"""``chaperone ledger`` finds what was done to the record, and names it."""

import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from audit_front import AGENT, AUDITOR, front
from audit_server import serve
from cli_runner import Chaperone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger_desk import Desk
from ledger_installation import ROOT, Installation, installation
from ledger_samples import ledger_key
from store_samples import Growing, make_record, start_payload

from sidecar.contract.events import SessionKind
from sidecar.contract.frames import Frame
from sidecar.contract.sealing import Identity
from webhook.store.contract import MissingError, Phase


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[Installation]:
    with installation(Desk(tmp_path / "store.db"), tmp_path) as installed:
        yield installed


def test_a_whole_record_holds(installed: Installation) -> None:
    out = installed.chaperone.out("ledger", "verify", "--root", ROOT)
    assert "Entries       14 (2 census, 2 checkpoint, 4 event, 1 key, 4 manifest, 1 start)" in out
    assert "Signed        13 entries; 1 came after the newest checkpoint" in out
    assert "Sessions      4, as they were sealed, frame by frame" in out
    assert out.endswith("The record holds.\n")
    assert "taken from the ledger" not in out
    assert "taken from the ledger: compare it" in installed.chaperone.out("ledger", "verify")
    found = installed.chaperone.run("ledger", "verify", "-o", "json", "--no-sessions").json
    assert (found["holds"], found["entries"], found["sessions"]) == (True, 14, None)


def test_a_checkpoint_is_kept_and_agrees_later(installed: Installation) -> None:
    kept = installed.folder / "kept.txt"
    done = installed.chaperone.run("ledger", "checkpoint", "-o", str(kept))
    assert (done.code, done.error) == (0, f"{kept}: 13 entries signed for\n")
    assert installed.chaperone.run("ledger", "checkpoint", "-o", str(kept)).code == 1
    assert installed.chaperone.out("ledger", "checkpoint") == kept.read_text()
    installed.desk.session(2_000_000)
    installed.desk.sealing.seal()
    assert installed.chaperone.out("ledger", "checkpoint", "--now").splitlines()[1] == "16"
    out = installed.chaperone.out("ledger", "verify", "--root", ROOT, "--checkpoint", str(kept))
    assert f"Kept          {kept}: agrees, 13 entries" in out


def test_a_changed_byte_of_a_recording_is_named(installed: Installation) -> None:
    installed.desk.tamper(
        "UPDATE frames SET payload = CAST(replace(payload, X'74657874', X'74657875') AS BLOB) WHERE id & 1"
    )
    message = installed.broken()
    session = installed.sessions[0].session
    assert message == (
        f"session {session}, sealed as entry 2: session {session}: the hash chain breaks at frame 1"
        " (and 3 more)"
    )


@pytest.mark.parametrize("change", ["substr(data, 2)", "X'78'", "'text'", "NULL || 'x'"])
def test_a_changed_byte_of_an_entry_is_named(installed: Installation, change: str) -> None:
    installed.desk.tamper(f"UPDATE OR IGNORE ledger SET data = coalesce({change}, '') WHERE number = 3")
    assert installed.broken().startswith("entry 3 (event/")


@pytest.mark.parametrize("lost", [0, 1])
def test_a_removed_frame_is_named_by_a_store_that_knows(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    """OpenSearch gives no shorter recording, but an error."""
    victim, frames = installed.sessions[1].session, installed.desk.store.frames

    def refuse(session: str, *, start: int, limit: int) -> list[Frame]:
        if session == victim and start + limit > lost and start <= lost:
            if start < lost:
                return frames(session, start=start, limit=lost - start)
            raise MissingError(f"session {session}: frame {lost} is missing from the store")
        return frames(session, start=start, limit=limit)

    monkeypatch.setattr(installed.desk.store, "frames", refuse)
    assert installed.broken().startswith(f"session {victim}, sealed as entry 4: its frames cannot be read: ")
    assert f"frame {lost} is missing from the store" in installed.broken()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"exit_code": 5}, "exit code"),
        ({"kind": SessionKind.MAIN_PROCESS}, "kind"),
        ({"content": False}, "kind"),
    ],
    ids=["exit code", "kind", "content"],
)
def test_a_changed_session_is_named(installed: Installation, changed: dict[str, object], told: str) -> None:
    store, victim = installed.desk.store, installed.sessions[2]
    store.append(msgspec.structs.replace(victim, updated_at=victim.updated_at + 1, **changed), [], [])
    assert installed.broken() == f"session {victim.session}, sealed as entry 8: differs in its {told}"


def test_a_removed_session_is_named(installed: Installation) -> None:
    victim = installed.sessions[1].session
    installed.desk.tamper("DELETE FROM sessions WHERE session = ?", victim)
    assert installed.broken() == (
        f"session {victim} of namespace payments, sealed as entry 4: it is missing from the store"
    )


@pytest.mark.parametrize(
    ("column", "whose"), [("namespace", "namespace payments"), ("username", "user agent")]
)
def test_a_session_that_is_kept_out_of_a_list_is_named(
    installed: Installation, column: str, whose: str
) -> None:
    """Its record is whole; what stands beside it, for lists, is another's."""
    victim = installed.sessions[1].session
    installed.desk.tamper(f"UPDATE sessions SET {column} = 'another' WHERE session = ?", victim)
    assert installed.broken() == (
        f"session {victim}, sealed as entry 4: it is missing from the list of {whose}"
    )


def test_sessions_of_users_with_any_name_are_in_their_lists(installed: Installation) -> None:
    for number, name in enumerate(("CN=root,O=a\\b!", " ", "\u00fc\U0001f4a9", "")):
        fresh = make_record(number * 1000, identity=Identity(name), phase=Phase.ACTIVE)
        growing = Growing(installed.desk.store.create(fresh))
        installed.desk.store.append(*growing.grow(start_payload(fresh)), [])
    assert "The record holds." in installed.chaperone.out("ledger", "verify")


def test_a_session_removed_with_its_manifest_is_named(installed: Installation) -> None:
    victim = installed.sessions[1].session
    installed.desk.tamper("DELETE FROM sessions WHERE session = ?", victim)
    installed.desk.tamper("DELETE FROM ledger WHERE key = ?", f"manifest/{victim}")
    assert installed.broken() == "entry 4 is missing: the store gives entry 5 in its place"


def test_reordered_entries_are_named(installed: Installation) -> None:
    for before, after in ((3, -1), (4, 3), (-1, 4)):
        installed.desk.tamper("UPDATE ledger SET number = ? WHERE number = ?", after, before)
    assert installed.broken().startswith("entry 3 (manifest/")


def test_a_truncated_ledger_is_found_by_a_kept_checkpoint(installed: Installation) -> None:
    kept = installed.folder / "kept.txt"
    installed.chaperone.out("ledger", "checkpoint", "-o", str(kept))
    installed.desk.tamper("DELETE FROM ledger WHERE number >= 7")
    for session in installed.sessions[2:]:
        installed.desk.tamper("DELETE FROM sessions WHERE session = ?", session.session)
    assert "The record holds." in installed.chaperone.out("ledger", "verify", "--root", ROOT)
    assert installed.broken("--checkpoint", str(kept)) == (
        f"{kept}: the ledger is truncated: it has 7 entries, and 13 were signed for"
    )


def test_a_foreign_key_is_named(installed: Installation) -> None:
    desk = installed.desk
    desk.keys.append(ledger_key(Ed25519PrivateKey.generate()))
    desk.session(2_000_000)
    desk.sealing.seal()
    assert installed.broken().startswith("entry 14 (key/")
    assert "a ledger key is foreign" in installed.broken()


def test_a_ledger_of_a_foreign_root_is_named(installed: Installation) -> None:
    other = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    done = installed.chaperone.run("ledger", "verify", "--root", other, "-o", "json")
    assert done.code == 1
    assert not done.json["holds"]
    assert "not of the root that is trusted" in done.json["broken"]


def test_an_ended_session_without_a_manifest_is_named_once_all_should_be_sealed(
    installed: Installation,
) -> None:
    victim = installed.sessions[0]
    hidden = installed.desk.session(1000, phase=Phase.COMPLETED)
    assert hidden.updated_at < installed.desk.sealing.through
    assert victim.session != hidden.session
    assert installed.broken() == (
        f"session {hidden.session}: it has ended and is not in the ledger, though all that ended by then"
        " are said to be"
    )


def test_a_running_session_is_no_break(installed: Installation) -> None:
    installed.desk.session(1000, phase=Phase.ACTIVE)
    assert "The record holds." in installed.chaperone.out("ledger", "verify")


def test_wrong_usage_is_told(installed: Installation, tmp_path: Path) -> None:
    run: Callable[..., int] = lambda *words: installed.chaperone.run("ledger", "verify", *words).code  # noqa: E731
    assert run("--root", "nonsense") == 2
    assert run("--checkpoint", str(tmp_path / "none")) == 2
    (tmp_path / "no-checkpoint").write_text("nonsense")
    assert "no-checkpoint: this is no signed note" in installed.broken(
        "--checkpoint", str(tmp_path / "no-checkpoint")
    )


def test_who_may_not_read_is_told_how_it_could_be_allowed(installed: Installation, tmp_path: Path) -> None:
    done = Chaperone(installed.front.kubeconfig(tmp_path, AGENT)).run("ledger", "verify")
    assert done.code == 4
    assert "kubectl create clusterrolebinding" in done.error


def test_nothing_signed_yet_is_told(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "store.db")
    with serve(desk.store, tmp_path) as served, front(served) as running:
        chaperone = Chaperone(running.kubeconfig(tmp_path, AUDITOR))
        done = chaperone.run("ledger", "checkpoint")
        assert (done.code, "chaperone ledger checkpoint --now" in done.error) == (3, True)
        done = chaperone.run("ledger", "verify")
        assert (done.code, "the ledger is empty" in done.error) == (1, True)
    desk.store.close()
