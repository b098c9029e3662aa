"""Whatever of a bundle's end an exporter leaves out, what is left does not pass for all there is.

The exporter here may have any file signed, and makes all digests right again.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from evidence_bundles import Files, bundle, check, files, forged, selected
from evidence_desk import BOB, MINUTE, SINCE, EvidenceDesk, said
from store_samples import T0

from sidecar.contract.errors import CallerError
from webhook.evidence import window as window_module
from webhook.evidence.selection import Selection
from webhook.ledger.verifying import BrokenError
from webhook.store.contract import SessionRecord

Sessions = dict[str, SessionRecord]
Told = tuple[bytes, str, bytes]
"""A line, and its entry's key and bytes."""


def entries(content: Files) -> list[Told]:
    lines = content["ledger/entries.jsonl"].splitlines(keepends=True)
    told = [(line, json.loads(line)) for line in lines]
    return [(line, entry["key"], base64.b64decode(entry["data"])) for line, entry in told]


def last(content: Files, *kinds: str) -> set[str]:
    """The keys of the last entry of each kind."""
    keys = [key for _, key, _ in entries(content)]
    return {next(key for key in reversed(keys) if key.startswith(f"{kind}/")) for kind in kinds}


def cut(content: Files, gone: Callable[[str, bytes], bool]) -> Files:
    kept = [line for line, key, data in entries(content) if not gone(key, data)]
    assert len(kept) < len(entries(content))
    return {**content, "ledger/entries.jsonl": b"".join(kept)}


def without(content: Files, session: str) -> Files:
    """Leave a session out: its folder, its manifest, and whatever tells of it."""
    less = {name: data for name, data in content.items() if session not in name}
    return cut(less, lambda key, data: session in key or session.encode() in data)


def broken(content: Files, desk: EvidenceDesk) -> str:
    with pytest.raises(BrokenError) as caught:
        check(forged(content, desk.vouch))
    return str(caught.value)


UNCOUNTED = "some are neither counted nor given, so something may be missing"


@pytest.mark.parametrize("kinds", [("census",), ("census", "checkpoint")], ids="-".join)
def test_the_last_counts_cannot_be_left_out(
    whole: bytes, sessions: Sessions, desk: EvidenceDesk, kinds: tuple[str, ...]
) -> None:
    """Nor with the checkpoints that would show how far counts must go, nor with what they count."""
    content = files(whole)
    gone = last(content, *kinds)
    assert UNCOUNTED in broken(cut(content, lambda key, _: key in gone), desk)
    less = without(content, sessions["killed"].session)
    assert "the collector counted" in broken(less, desk)
    assert "counts from entry" in broken(cut(less, lambda key, _: key == "census/37"), desk)
    assert UNCOUNTED in broken(cut(less, lambda key, _: is_late(key, kinds)), desk)


def is_late(key: str, kinds: tuple[str, ...]) -> bool:
    """Tell whether an entry counts or signs for what came after the last session of the range."""
    kind, _, number = key.partition("/")
    return kind in kinds and int(number) >= 37


def test_no_end_of_the_entries_can_be_left_out(whole: bytes, desk: EvidenceDesk) -> None:
    content = files(whole)
    keys = [key for _, key, _ in entries(content)]
    for number in range(1, len(keys)):
        gone = set(keys[-number:])
        assert broken(cut(content, lambda key, _, gone=gone: key in gone), desk)


def test_without_its_last_checkpoints_a_bundle_claims_less_and_still_has_all_up_to_its_end(
    whole: bytes, sessions: Sessions, desk: EvidenceDesk
) -> None:
    """They say that the range is over, and nothing else does."""
    content = files(whole)
    less = cut(content, lambda key, _: key in last(content, "checkpoint"))
    assert broken(less, desk) == "record/summary.json says something else than what is proven"
    for victim in ("killed", "shell"):
        assert "the collector counted" in broken(without(less, sessions[victim].session), desk)


def test_a_session_between_cannot_be_left_out(whole: bytes, sessions: Sessions, desk: EvidenceDesk) -> None:
    for name in ("cards", "shell", "approved", "nasty"):
        content = without(files(whole), sessions[name].session)
        assert "the collector counted" in broken(content, desk)
        none = cut(content, lambda key, _: key.startswith("census/"))
        assert broken(none, desk) == "no census of the window is given, so something may be missing"


def test_what_chaperone_tells_of_itself_cannot_be_left_out(whole: bytes, desk: EvidenceDesk) -> None:
    """A failure, or a change of policies: not about the agent, and in the agent's bundle."""
    content = files(whole)
    for kind in (b"control-failed", b"policy-changed"):
        told = b'"kind":"%s"' % kind
        message = broken(cut(content, lambda key, data, told=told: told in data), desk)
        assert "the collector counted 2 of Chaperone itself, and the bundle has 1, or others" in message


@pytest.mark.parametrize("until", [SINCE, SINCE - MINUTE])
def test_an_empty_range_shows_nothing(whole: bytes, desk: EvidenceDesk, until: int) -> None:
    content = files(whole)
    proof = json.loads(content["ledger/ledger.json"])
    proof["selection"]["until"] = until
    content["ledger/ledger.json"] = json.dumps(proof).encode()
    assert broken(content, desk) == "ledger/ledger.json: its range is empty, so the bundle shows nothing"


def test_a_range_in_which_nothing_was_done_is_complete_and_counted(
    desk: EvidenceDesk, sessions: Sessions
) -> None:
    assert sessions
    quiet = Selection(user="agent", since=T0 + 131 * MINUTE, until=T0 + 132 * MINUTE)
    found = check(bundle(desk, quiet))
    assert (found.sessions, found.complete) == (0, True)
    assert found.counted.startswith("the collector's counts of entries ")


def test_a_range_that_is_not_over_is_counted_up_to_now(tmp_path: Path) -> None:
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in (10, 40, 70, 90):
        victim = desk.recorded(minutes, ["date"], said("a day\n")).session
        desk.sign(minutes + 1)
    made = files(bundle(desk, selected(user="agent")))
    found = check(forged(made, desk.vouch))
    assert (found.sessions, found.complete) == (2, False)
    assert "the collector counted" in broken(without(made, victim), desk)
    gone = last(made, "census")
    less = cut(without(made, victim), lambda key, _: key in gone)
    assert UNCOUNTED in broken(less, desk)
    desk.store.close()


def all_serve(ledger: object, placed: object, selection: object) -> bool:
    """As exports were before."""
    del ledger, placed, selection
    return True


def test_a_checkpoint_that_counts_too_little_serves_no_bundle_about_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of ledgers from before counts and checkpoints were one; a later checkpoint serves."""
    desk = EvidenceDesk(tmp_path / "store.db")
    for minutes in (10, 40, 70, 100):
        desk.recorded(minutes, ["date"])
        desk.sign(minutes + 1)
    monkeypatch.setattr("webhook.collector.book._MOST_CENSUSES", 1)
    desk.let_in(1)
    desk.recorded(190, ["date"], who=BOB)
    desk.sign(191)
    desk.let_in(1)
    desk.recorded(200, ["date"], who=BOB)
    desk.sign(201)
    old = desk.data["checkpoint"].splitlines()[1]
    with pytest.raises(CallerError, match="cannot show that nothing is missing"):
        bundle(desk, selected(user="agent"), size=int(old))
    assert check(bundle(desk, selected(), size=int(old))).counted == "every entry of the window is given"
    before = check(bundle(desk, selected(user="agent")))
    assert (before.complete, before.size < int(old)) == (False, True)
    with monkeypatch.context() as patched:
        patched.setattr(window_module, "_serves", all_serve)
        former = bundle(desk, selected(user="agent"))
    with pytest.raises(BrokenError, match="from before all that one covers was counted"):
        check(former)
    desk.recorded(210, ["date"], who=BOB)
    desk.sign(211)
    now = check(bundle(desk, selected(user="agent")))
    assert (now.complete, now.size > int(old), now.sessions) == (True, True, 2)
    desk.verify()
    desk.store.close()
