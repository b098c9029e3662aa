"""Whom entries are about is counted as they are there, and a census that lies is found."""

from collections.abc import Callable

import msgspec
import pytest
from ledger_samples import T0, Ledger, make_event, make_manifest

from webhook.journal.events import Kind
from webhook.ledger.census import CONTROL_DIGEST, census, counted, namespace_digest, subjects_of, user_digest
from webhook.ledger.entries import Census, Counted, SignedManifest, entry_of, read_entry
from webhook.ledger.verifying import BrokenError, verify_ledger


def counting(ledger: Ledger, start: int) -> Census:
    return census(T0, start, [read_entry(entry.data) for entry in ledger.entries[start:]])


def test_a_manifest_is_about_its_user_and_namespace() -> None:
    signed = SignedManifest(make_manifest(user="bob", namespace="payments"), "")
    assert subjects_of(signed) == {user_digest("bob"), namespace_digest("payments")}
    assert user_digest("payments") != namespace_digest("payments")


def test_an_approvers_verdict_is_about_both_people() -> None:
    event = msgspec.structs.replace(make_event(), requester="carol")
    assert subjects_of(event) == {user_digest("agent"), user_digest("carol"), namespace_digest("payments")}


def test_the_digest_is_of_lines_of_numbers() -> None:
    """What ``printf '%s\\n' 3 14 | sha256sum`` gives."""
    digest = "1446a9d1db172cb28dacbb540ec9e735a4d179de5f5c829e64002cf49fd8de26"
    assert counted([3, 14]) == Counted(2, digest)


def test_a_census_that_counts_right_verifies() -> None:
    ledger = Ledger().fill()
    ledger.append(entry_of(counting(ledger, 0)))
    ledger.seal()
    ledger.append(entry_of(counting(ledger, 12)))
    assert verify_ledger(ledger.roots, ledger.entries, ledger.checkpoint).size == 15


def test_events_of_chaperone_itself_are_counted_but_for_censuses_from_before() -> None:
    ledger = Ledger().fill()
    control = msgspec.structs.replace(make_event(50), kind=Kind.CONTROL_FAILED)
    assert CONTROL_DIGEST in subjects_of(control)
    ledger.append(entry_of(control))
    found = counting(ledger, 0)
    assert found.subjects[CONTROL_DIGEST] == counted([12])
    former = {name: one for name, one in found.subjects.items() if name != CONTROL_DIGEST}
    ledger.append(entry_of(msgspec.structs.replace(found, subjects=former)))
    after = counting(ledger, 13)
    assert after.subjects == {CONTROL_DIGEST: counted([])}
    ledger.append(entry_of(after))
    assert verify_ledger(ledger.roots, ledger.entries, ledger.checkpoint).size == 15
    ledger.append(
        entry_of(msgspec.structs.replace(counting(ledger, 14), subjects={CONTROL_DIGEST: counted([14])}))
    )
    with pytest.raises(BrokenError, match="does not count the entries that are there"):
        verify_ledger(ledger.roots, ledger.entries, ledger.checkpoint)


def drop(found: Census) -> Census:
    return msgspec.structs.replace(found, subjects=dict(list(found.subjects.items())[:-1]))


def other(found: Census) -> Census:
    name, one = next(iter(found.subjects.items()))
    return msgspec.structs.replace(found, subjects={**found.subjects, name: counted([one.count])})


def moved(**changes: int) -> Callable[[Census], Census]:
    return lambda found: msgspec.structs.replace(found, **changes)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (drop, "does not count the entries that are there"),
        (other, "does not count the entries that are there"),
        (moved(start=1), "counts from entry 1, and entry 0 is next"),
        (moved(end=13), "counts from entry 0"),
        (moved(end=0), "counts from entry 0"),
    ],
)
def test_a_census_that_lies_is_found(change: Callable[[Census], Census], told: str) -> None:
    ledger = Ledger().fill()
    ledger.append(entry_of(change(counting(ledger, 0))))
    with pytest.raises(BrokenError, match=f"entry 12 .census.*{told}"):
        verify_ledger(ledger.roots, ledger.entries, ledger.checkpoint)
