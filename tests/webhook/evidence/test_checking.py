"""What a forger does to a bundle is found and named, even by one who can have bundles signed."""

import base64
import json
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence_bundles import Files, bundle, check, files, forged, selected, zipped
from evidence_desk import EvidenceDesk
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_desk import ROOTS
from ledger_samples import ledger_key

from webhook.evidence.archive import CERTIFICATE, SIGNATURE, SUMS
from webhook.evidence.checking import Kept
from webhook.ledger.entries import write_certificate
from webhook.ledger.keys import origin_of
from webhook.ledger.verifying import BrokenError
from webhook.ledger.vouching import vouching_text
from webhook.store.contract import SessionRecord

Sessions = dict[str, SessionRecord]


def broken(data: bytes, *, roots: tuple[bytes, ...] = ROOTS, kept: Sequence[Kept] = ()) -> str:
    with pytest.raises(BrokenError) as caught:
        check(data, roots=roots, kept=kept)
    return str(caught.value)


def test_a_bundle_holds_and_says_what_is_proven(whole: bytes) -> None:
    found = check(whole)
    assert (found.sessions, found.entries, found.undisclosed, found.unsealed) == (5, 34, 11, 1)
    assert (found.complete, found.pages, found.holds) == (True, True, True)
    assert found.counted == "the collector's counts of entries 10 to 50 agree"


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_changed_byte_of_any_file_is_found(whole: bytes, data: st.DataObject) -> None:
    content = files(whole)
    name = data.draw(st.sampled_from(sorted(content)))
    place = data.draw(st.integers(0, len(content[name]) - 1))
    other = data.draw(st.integers(1, 255))
    changed = bytearray(content[name])
    changed[place] ^= other
    message = broken(zipped({**content, name: bytes(changed)}))
    assert name in message or SUMS in message


def test_a_changed_name_among_the_digests_is_named(whole: bytes) -> None:
    content = files(whole)
    sums = content[SUMS].replace(b"README.txt", b"README.txu")
    assert broken(zipped({**content, SUMS: sums})) == f"README.txu is missing: {SUMS} names it"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_done_to_the_zip_nothing_else_is_taken_for_it(whole: bytes, data: st.DataObject) -> None:
    """Bytes that say nothing may be changed, such as a time in the zip; never the content of a file."""
    changed = bytearray(whole)
    changed[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        check(bytes(changed))
    except BrokenError:
        return
    assert files(bytes(changed)) == files(whole)


def test_a_changed_recording_is_named(whole: bytes, sessions: Sessions, desk: EvidenceDesk) -> None:
    victim = sessions["cards"].session
    name = f"sessions/{victim}/events.jsonl"
    content = files(whole)
    lines = content[name].splitlines(keepends=True)
    lines[2], lines[3] = lines[3], lines[2]
    message = broken(forged({**content, name: b"".join(lines)}, desk.vouch))
    assert message.startswith(f"session {victim}, sealed as entry ")
    assert "expected frame 2, received 3" in message


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (b'"agents"', b'"admins"', "its user is another than was sealed"),
        (b"orders.csv", b"orders.txt", "its command line is another than was sealed"),
        (b'"exit_code": 0', b'"exit_code": 1', "says something else than what is proven"),
    ],
)
def test_a_changed_session_is_named(
    whole: bytes, sessions: Sessions, desk: EvidenceDesk, before: bytes, after: bytes, told: str
) -> None:
    name = f"sessions/{sessions['cards'].session}/session.json"
    content = files(whole)
    changed = {**content, name: content[name].replace(before, after)}
    assert changed[name] != content[name]
    assert told in broken(forged(changed, desk.vouch))


def test_a_removed_recording_is_named(whole: bytes, sessions: Sessions, desk: EvidenceDesk) -> None:
    victim = sessions["shell"].session
    content = {name: data for name, data in files(whole).items() if victim not in name}
    message = broken(forged(content, desk.vouch))
    assert message.startswith(f"session {victim}, sealed as entry ")
    assert message.endswith("its recording is missing from the bundle")


def without(content: Files, key: str) -> Files:
    """Leave an entry out."""
    lines = content["ledger/entries.jsonl"].splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["key"] != key]
    assert len(kept) == len(lines) - 1
    return {**content, "ledger/entries.jsonl": b"".join(kept)}


def test_a_session_removed_with_its_entry_is_named(
    whole: bytes, sessions: Sessions, desk: EvidenceDesk
) -> None:
    """Nothing of it is left but a leaf's hash; the collector's count of the agent's entries gives it away."""
    victim = sessions["shell"].session
    content = {name: data for name, data in files(whole).items() if victim not in name}
    message = broken(forged(without(content, f"manifest/{victim}"), desk.vouch))
    assert message.startswith("entry 25 (census/")
    assert "the collector counted 9 for this selection, and the bundle has 8" in message


def test_an_event_left_out_is_named(whole: bytes, desk: EvidenceDesk) -> None:
    content = files(whole)
    keys = [json.loads(line)["key"] for line in content["ledger/entries.jsonl"].splitlines()]
    events = [key for key in keys if key.startswith("event/")]
    assert "the collector counted" in broken(forged(without(content, events[-1]), desk.vouch))


def test_a_census_left_out_is_named(whole: bytes, desk: EvidenceDesk) -> None:
    content = files(whole)
    keys = [json.loads(line)["key"] for line in content["ledger/entries.jsonl"].splitlines()]
    censuses = [key for key in keys if key.startswith("census/")]
    assert "counts from entry" in broken(forged(without(content, censuses[-2]), desk.vouch))


@pytest.mark.parametrize("censuses", [1, 2, 3])
def test_the_last_censuses_cannot_be_left_out_with_what_they_count(
    whole: bytes, sessions: Sessions, desk: EvidenceDesk, censuses: int
) -> None:
    """What remains agrees with every count that is given, but the counts do not go far enough."""
    victim = sessions["killed"].session
    content = {name: data for name, data in files(whole).items() if victim not in name}
    lines = content["ledger/entries.jsonl"].splitlines(keepends=True)
    told = [(line, json.loads(line)) for line in lines]
    gone = {entry["key"] for _, entry in told if entry["key"].startswith("census/")}
    gone = set(sorted(gone, key=lambda key: int(key.partition("/")[2]))[-censuses:])
    if censuses == 3:
        gone |= {entry["key"] for _, entry in told if victim.encode() in base64.b64decode(entry["data"])}
    kept = b"".join(line for line, entry in told if entry["key"] not in gone)
    message = broken(forged({**content, "ledger/entries.jsonl": kept}, desk.vouch))
    assert message.startswith("of entries ")


@pytest.mark.parametrize("node", ["é", "01hz", "0"])
def test_a_beginning_that_is_no_hash_is_named(whole: bytes, desk: EvidenceDesk, node: str) -> None:
    content = files(whole)
    proof = json.loads(content["ledger/ledger.json"])
    proof["frontier"][0] = node
    changed = forged({**content, "ledger/ledger.json": json.dumps(proof).encode()}, desk.vouch)
    assert broken(changed) == "the window's beginning is of no tree"


@pytest.mark.parametrize("moment", [1 << 70, -(1 << 70)])
def test_a_range_of_no_calendar_is_named(whole: bytes, desk: EvidenceDesk, moment: int) -> None:
    content = files(whole)
    proof = json.loads(content["ledger/ledger.json"])
    proof["selection"]["until"] = moment
    changed = forged({**content, "ledger/ledger.json": json.dumps(proof).encode()}, desk.vouch)
    assert "its range is of no calendar" in broken(changed)


@pytest.mark.parametrize(
    ("before", "after"), [(b'"software"', b'"start": 0, "software"'), (b'  "origin"', b' "origin"')]
)
def test_a_proof_that_some_would_read_otherwise_is_named(
    whole: bytes, desk: EvidenceDesk, before: bytes, after: bytes
) -> None:
    """Of two values under one name readers take the first or the last; the check by hand goes by lines."""
    content, name = files(whole), "ledger/ledger.json"
    changed = content[name].replace(before, after)
    assert changed != content[name]
    message = broken(forged({**content, name: changed}, desk.vouch))
    assert message == f"{name} says something else than what is proven"


def test_reordered_entries_are_named(whole: bytes, desk: EvidenceDesk) -> None:
    content = files(whole)
    lines = content["ledger/entries.jsonl"].splitlines(keepends=True)
    lines[5], lines[6] = lines[6], lines[5]
    message = broken(forged({**content, "ledger/entries.jsonl": b"".join(lines)}, desk.vouch))
    assert message.endswith("it is out of order")


def test_an_entry_moved_to_anothers_place_is_named(whole: bytes, desk: EvidenceDesk) -> None:
    content = files(whole)
    text = content["ledger/entries.jsonl"].replace(b'"index":17,', b'"index":15,')
    message = broken(forged({**content, "ledger/entries.jsonl": text}, desk.vouch))
    assert "its leaf is another's" in message or "out of order" in message


def test_a_truncated_ledger_is_named(whole: bytes, desk: EvidenceDesk) -> None:
    content = files(whole)
    leaves = b"".join(content["ledger/leaves"].splitlines(keepends=True)[:-3])
    message = broken(forged({**content, "ledger/leaves": leaves}, desk.vouch))
    assert message == "the ledger is truncated: the bundle has 49 entries, and 52 were signed for"


def test_a_foreign_key_is_named(whole: bytes) -> None:
    other = ledger_key(Ed25519PrivateKey.generate())
    origin = json.loads(files(whole)["ledger/ledger.json"])["origin"]

    def sign(digest: str) -> tuple[str, str]:
        return other.sign(vouching_text(digest), origin), write_certificate(other.certificate)

    message = broken(forged(files(whole), sign))
    assert message.startswith(f"{SIGNATURE}: a ledger key is foreign")


def test_a_foreign_root_is_named(whole: bytes) -> None:
    stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    message = broken(whole, roots=(stranger,))
    assert message.endswith("which is not of the root that is trusted")
    assert origin_of(stranger) not in message
    assert check(whole, roots=()).holds


def test_a_bundle_that_nobody_signed_is_named(whole: bytes) -> None:
    content = files(whole)
    content["README.txt"] += b"!"
    assert broken(forged(content)) == f"{SIGNATURE}: it was signed for another SHA256SUMS"


@pytest.mark.parametrize(
    "name", ["index.html", "page/index.js", "page/evidence.js", "record/sessions.csv", "record/summary.json"]
)
def test_a_page_that_says_something_else_is_named(whole: bytes, desk: EvidenceDesk, name: str) -> None:
    content = files(whole)
    content[name] = content[name].replace(b"agent", b"nobody").replace(b"Evidence", b"Evidense")
    assert broken(forged(content, desk.vouch)) == f"{name} says something else than what is proven"


@pytest.mark.parametrize("name", ["more.txt", "sessions/01/session.json", "page/extra.js"])
def test_a_file_too_many_is_named(whole: bytes, desk: EvidenceDesk, name: str) -> None:
    content = {**files(whole), name: b"{}"}
    assert name.rpartition("/")[0] in broken(forged(content, desk.vouch))
    assert broken(zipped(content)) == f"{name} was added: {SUMS} does not name it"


@pytest.mark.parametrize("name", [SUMS, SIGNATURE, CERTIFICATE, "ledger/checkpoint", "index.html"])
def test_a_missing_file_is_named(whole: bytes, name: str) -> None:
    content = files(whole)
    del content[name]
    assert name in broken(zipped(content))


def test_a_kept_checkpoint_must_agree(desk: EvidenceDesk, whole: bytes) -> None:
    content = files(whole)
    assert check(whole, kept=[Kept("first", content["ledger/checkpoint.first"].decode())]).kept == {
        "first": 11
    }
    newest = desk.data["checkpoint"]
    assert "newest: it is of" in broken(whole, kept=[Kept("newest", newest)])
    assert "export a range around it" in broken(whole, kept=[Kept("newest", newest)])
    assert broken(whole, kept=[Kept("odd", "nonsense")]).startswith("odd: this is no signed note")


def test_a_ledger_that_began_again_is_found_by_a_kept_checkpoint(
    whole: bytes, desk: EvidenceDesk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Somebody with the ledger's key writes another history; who kept a checkpoint sees it."""
    other = EvidenceDesk(tmp_path_factory.mktemp("other") / "store.db")
    other.keys[:] = desk.keys
    for minutes in (10, 20, 40, 60, 90, 100):
        other.recorded(minutes, ["date"])
        other.sign(minutes + 1)
    kept = other.data["checkpoint"]
    other.store.close()
    message = broken(whole, kept=[Kept("kept", kept)])
    assert message == "kept: the first 25 entries are not those that were signed for"


def test_a_session_alone_and_everything_hold_too(desk: EvidenceDesk, sessions: Sessions) -> None:
    one = check(bundle(desk, selected(session=sessions["bob"].session)))
    assert (one.sessions, one.counted) == (1, "")
    everything = check(bundle(desk, selected()))
    assert (everything.sessions, everything.undisclosed) == (7, 0)
    assert everything.counted == "every entry of the window is given"
    billing = check(bundle(desk, selected(namespace="billing")))
    assert (billing.sessions, billing.counted[:27]) == (1, "the collector's counts of e")
    nobody = check(bundle(desk, selected(user="nobody")))
    assert (nobody.sessions, nobody.complete) == (0, True)


def test_what_is_no_bundle_is_told(whole: bytes) -> None:
    assert broken(b"nonsense").startswith("it is no zip file")
    assert broken(whole[:-40]).startswith("it is no zip file")
    assert "SHA256SUMS is missing" in broken(zipped({"a": b"b"}))
