"""What docs/evidence.md says can be done with sha256sum and openssl is done with them."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence_bundles import bundle, files, selected
from evidence_by_hand import by_hand, unpacked
from evidence_desk import MINUTE, SINCE, EvidenceDesk, said
from ledger_desk import ROOTS
from ledger_samples import ledger_key

from sidecar.contract.sealing import Identity
from webhook.journal.events import Kind
from webhook.store.contract import SessionRecord

Sessions = dict[str, SessionRecord]


@pytest.fixture
def folder(whole: bytes, tmp_path: Path) -> Path:
    return unpacked(whole, tmp_path, ROOTS[0])


def test_a_session_is_proven(folder: Path, whole: bytes, sessions: Sessions) -> None:
    done = by_hand(folder, sessions["cards"].session)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        *["Signature Verified Successfully"] * 3,
        "from 2026-09-21T15:13:20Z until before 2026-09-21T17:13:20Z",
        "holds",
    ]
    assert files(whole).keys() == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    }


def test_a_name_that_json_escapes_is_counted(tmp_path: Path) -> None:
    """As a directory's names are: DOMAIN\\user."""
    desk, user = EvidenceDesk(tmp_path / "store.db"), 'CORP\\"al"'
    for minutes in (40, 55):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    session = desk.recorded(70, ["id"], said("x\n"), who=Identity(user)).session
    for minutes in (185, 190, 200):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    done = by_hand(unpacked(bundle(desk, selected(user=user)), tmp_path, ROOTS[0]), session, user=user)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["holds"]), done.stderr
    desk.store.close()


@pytest.mark.parametrize(("namespace", "name"), [("payments", "cards"), ("billing", "bob")])
def test_a_bundle_about_a_namespace_is_proven(
    desk: EvidenceDesk, sessions: Sessions, tmp_path: Path, namespace: str, name: str
) -> None:
    place = unpacked(bundle(desk, selected(namespace=namespace)), tmp_path, ROOTS[0])
    done = by_hand(place, sessions[name].session, namespace=namespace)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["holds"]), done.stderr
    other = {"payments": "billing", "billing": "payments"}[namespace]
    wrong = by_hand(place, sessions[name].session, namespace=other)
    assert (wrong.returncode, f"what it counted of {other}" in wrong.stderr) == (1, True), wrong.stderr


def test_what_was_left_out_about_a_namespace_is_named(
    desk: EvidenceDesk, sessions: Sessions, tmp_path: Path
) -> None:
    """The session or an event, with its entry."""
    place = unpacked(bundle(desk, selected(namespace="payments")), tmp_path, ROOTS[0])
    path = place / "ledger/entries.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    keys = [json.loads(line)["key"] for line in lines]
    event = next(key for key in reversed(keys) if key.startswith("event/"))
    for victim in (f"manifest/{sessions['shell'].session}", event):
        path.write_text("".join(line for line in lines if json.loads(line)["key"] != victim))
        resum(place)
        done = by_hand(place, sessions["cards"].session, namespace="payments", unsigned=True)
        told = "what it counted of payments in entries "
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr


def test_an_event_of_elsewhere_that_names_a_namespace_is_not_counted(tmp_path: Path) -> None:
    desk, itself = EvidenceDesk(tmp_path / "store.db"), Identity("chaperone")
    for minutes in (40, 55):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    session = desk.recorded(70, ["id"], said("x\n")).session
    desk.tell(Kind.CONTROL_FAILED, itself, namespace="chaperone-system", details={"namespace": "payments"})
    for minutes in (185, 190, 200):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    place = unpacked(bundle(desk, selected(namespace="payments")), tmp_path, ROOTS[0])
    done = by_hand(place, session, namespace="payments")
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["holds"]), done.stderr
    desk.store.close()


def test_a_file_too_many_is_named(folder: Path, sessions: Sessions) -> None:
    (folder / "page/more.html").write_text("<!doctype html>")
    done = by_hand(folder, sessions["cards"].session)
    assert (done.returncode, done.stderr) == (
        1,
        "files that SHA256SUMS does not name: page/more.html is not \n",
    )


@pytest.mark.parametrize("name", ["SHA256SUMS.html", "page/SHA256SUMS"])
def test_a_file_too_many_is_named_whatever_its_name_is(folder: Path, sessions: Sessions, name: str) -> None:
    (folder / name).write_text("<!doctype html>")
    done = by_hand(folder, sessions["cards"].session)
    told = f"files that SHA256SUMS does not name: {name} is not \n"
    assert (done.returncode, done.stderr) == (1, told)


def test_a_link_is_named(folder: Path, sessions: Sessions) -> None:
    """Whether it is a file too many, or leads to a file as it was signed."""
    path = folder / "page/more"
    path.symlink_to("../index.html")
    done = by_hand(folder, sessions["cards"].session)
    assert (done.returncode, done.stderr) == (1, "files that SHA256SUMS does not name: page/more is not \n")
    path.unlink()
    (folder / "index.html").rename(folder.parent / "index.html")
    (folder / "index.html").symlink_to("../index.html")
    done = by_hand(folder, sessions["cards"].session)
    assert (done.returncode, done.stderr) == (1, "files that are links: ./index.html is not \n")


def test_a_digest_that_is_none_is_named(folder: Path, sessions: Sessions) -> None:
    """By who can have bundles signed: sha256sum passes over such a line, and so over its file."""
    sums = folder / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join("g" + line[1:] if "  index.html" in line else line for line in lines))
    (folder / "index.html").write_text("<!doctype html>")
    text = (folder / "SHA256SUMS.sig").read_text().split("\n")
    text[1] = hashlib.sha256(sums.read_bytes()).hexdigest()
    (folder / "SHA256SUMS.sig").write_text("\n".join(text))
    done = by_hand(folder, sessions["cards"].session, unsigned=True)
    assert (done.returncode, "improperly formatted" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize(
    "line",
    [
        'size[$(touch ../ran;"data":"AAAA";echo 0)]',
        '{"index":size[$(touch ../ran)],"key":"k","data":"AAAA","proof":[]}',
        '{"index":1,"key":"k","data":"AAAA","proof":["%n"]}',
        "",
    ],
)
def test_a_line_that_is_no_entry_is_named_and_nothing_in_it_is_run(
    folder: Path, sessions: Sessions, line: str
) -> None:
    """By who can have bundles signed: bash runs what stands in the index of an array in a number."""
    path = folder / "ledger/entries.jsonl"
    path.write_text(f"{line}\n{path.read_text()}")
    resum(folder)
    done = by_hand(folder, sessions["cards"].session, unsigned=True)
    told = "ledger/entries.jsonl, lines that are no entries: 1 is not 0\n"
    assert (done.returncode, done.stderr, (folder.parent / "ran").exists()) == (1, told, False)


def resum(folder: Path) -> None:
    """Make the digests right again, as a forger would."""
    done = subprocess.run(
        "cut -c 67- SHA256SUMS | xargs sha256sum > new && mv new SHA256SUMS"
        ' && sed -i "2s/.*/$(sha256sum < SHA256SUMS | cut -c 1-64)/" SHA256SUMS.sig',
        shell=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0


CHANGES: dict[str, Callable[[str], str]] = {
    "ledger/checkpoint": lambda text: text.replace("\n52\n", "\n53\n"),
    "ledger/entries.jsonl": lambda text: text.replace('"proof":["', '"proof":["00', 40),
    "index.html": lambda text: text.replace("Evidence", "Evidense"),
}


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_what_was_changed_is_not_proven(folder: Path, sessions: Sessions, name: str) -> None:
    path = folder / name
    changed = CHANGES[name](path.read_text())
    assert changed != path.read_text()
    path.write_text(changed)
    done = by_hand(folder, sessions["cards"].session)
    assert (done.returncode, done.stdout) == (1, f"{name}: FAILED\n"), done.stderr
    resum(folder)
    assert by_hand(folder, sessions["cards"].session).returncode != 0


def test_a_changed_event_breaks_the_chain(folder: Path, sessions: Sessions) -> None:
    session = sessions["cards"].session
    path = folder / f"sessions/{session}/events.jsonl"
    first, second, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([second, first, *rest]))
    resum(folder)
    assert f"session {session}, its last digest: " in by_hand(folder, session, unsigned=True).stderr
    path.write_text("".join([first, second, *rest]))
    resum(folder)
    assert by_hand(folder, session, unsigned=True).returncode == 0


def test_foreign_keys_are_named(folder: Path, sessions: Sessions) -> None:
    session, root, stranger = sessions["cards"].session, folder.parent / "root", Ed25519PrivateKey.generate()
    ours = root.read_text()
    root.write_text(stranger.public_key().public_bytes_raw().hex())
    done = by_hand(folder, session)
    told = "SHA256SUMS.certificate: it is not signed by root.der"
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    root.write_text(ours)
    path = folder / "ledger/checkpoint"
    text = path.read_text().partition("\n\n")[0] + "\n"
    path.write_text(ledger_key(stranger).sign(text, text.splitlines()[0]))
    resum(folder)
    done = by_hand(folder, session, unsigned=True)
    told = "ledger/checkpoint: it is not signed by key.der"
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr


def is_late(line: str) -> bool:
    """Tell whether an entry counts or signs for what came since the session ``shell``."""
    entry = json.loads(line)
    kind, _, number = entry["key"].partition("/")
    return kind in ("census", "checkpoint") and int(number) >= 14 and entry["index"] > 24


def test_what_was_left_out_is_named(folder: Path, sessions: Sessions) -> None:
    """By one who can have bundles signed: a session with its entry, the counts, and the end of the ledger."""
    path = folder / "ledger/entries.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    victim, other = sessions["shell"].session, sessions["cards"].session
    for kept, told in (
        (
            [line for line in lines if victim not in line],
            "entry 25, what it counted of agent in entries 14 to 24: ",
        ),
        (
            [line for line in lines if '"key":"census/' not in line],
            "ledger/entries.jsonl, how far all is counted or given: ",
        ),
        (
            [line for line in lines if victim not in line and not is_late(line)],
            "ledger/entries.jsonl, how far all is counted or given: 19 is not 52",
        ),
        (lines[:-4], "ledger/entries.jsonl, how far all is counted or given: "),
    ):
        path.write_text("".join(kept))
        resum(folder)
        done = by_hand(folder, other, unsigned=True)
        assert (done.returncode, told in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("since", [SINCE, SINCE + 50 * MINUTE])
def test_a_beginning_that_was_left_out_is_named(folder: Path, sessions: Sessions, since: int) -> None:
    """Unless the range that it says begins later, which whoever asked for it sees."""
    proof, path = folder / "ledger/ledger.json", folder / "ledger/entries.jsonl"
    told, lines = proof.read_text(), path.read_text().splitlines(keepends=True)
    assert '"start": 10,' in told
    told = told.replace('"start": 10,', '"start": 25,')
    proof.write_text(told.replace(f'"since": {SINCE},', f'"since": {since},'))
    kept = [line for line in lines if not 10 <= json.loads(line)["index"] < 25]
    assert not [line for line in kept if sessions["shell"].session in line]
    path.write_text("".join(kept))
    resum(folder)
    done = by_hand(folder, sessions["nasty"].session, unsigned=True)
    if since == SINCE:
        message = "ledger/ledger.json, how many entries are from before the range: 0 is not 25\n"
        assert (done.returncode, done.stderr) == (1, message)
    else:
        later = "from 2026-09-21T16:03:20Z until before 2026-09-21T17:13:20Z"
        assert done.stdout.splitlines()[-2:] == [later, "holds"], done.stderr
