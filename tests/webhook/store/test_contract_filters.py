"""What every store leaves out: by exit code, findings, approvals and phase, in lists and in searches."""

import msgspec
import pytest
from store_samples import Growing, make_record

from sidecar.contract.errors import CallerError
from sidecar.contract.sealing import Decision
from webhook.store.contract import MAX_APPROVALS, Phase, Query, Store
from webhook.store.opensearch import searching as opensearch_searching
from webhook.store.sqlite import searching as sqlite_searching


def ended(store: Store, offset_ms: int, **changes: object) -> str:
    """A session that has ended so; its output was a common word."""
    began = {name: changes.pop(name) for name in ("decision", "namespace") if name in changes}
    growing = Growing(store.create(make_record(offset_ms, **began)))
    record, frames = growing.grow(b"x", phase=Phase.COMPLETED, **changes)
    store.append(record, frames, [growing.says("common output")])
    return growing.session


@pytest.fixture(params=["walks", "asks sessions"])
def plan(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to an answer must give the same: each is taken whatever would be quicker."""
    if request.param == "asks sessions":
        monkeypatch.setattr(sqlite_searching, "FEW_WALKED", 0)
        monkeypatch.setattr(opensearch_searching, "PAGE", 1)
    return request.param


@pytest.mark.usefixtures("plan")
def test_each_filter_in_lists_and_searches(store: Store) -> None:
    approved = Decision("approve", "pci-dss", "shells", "r-1", 0, approval="exec-1")
    well = ended(store, 0, exit_code=0)
    failed = ended(store, 1000, exit_code=7, findings={"pan/visa": 2, "cvv": 1})
    killed = ended(store, 2000, exit_code=137, findings={"pan/amex": 1})
    let = ended(store, 3000, exit_code=0, decision=approved)
    elsewhere = ended(store, 4000, exit_code=0, decision=approved, namespace="shop")
    lost = ended(store, 5000, exit_code=None)

    def found(**fields: object) -> list[str]:
        listed = [record.session for record in store.sessions(msgspec.convert(fields, Query))]
        query = msgspec.convert({"text": "common", **fields}, Query)
        assert [hit.record.session for hit in store.search(query)] == listed
        assert [record.session for record in store.sessions(query)] == listed
        return listed

    assert found(exit_code=0) == [elsewhere, let, well]
    assert found(exit_code=137) == [killed]
    assert found(exit_code=1) == []
    assert found(failed=True) == [killed, failed]
    assert found(failed=True, exit_code=7, namespace="payments") == [failed]
    assert found(finding="any") == [killed, failed]
    assert found(finding="pan") == [killed, failed]
    assert found(finding="pan/visa") == [failed]
    assert found(finding="cvv") == [failed]
    assert found(finding="pa") == []
    assert found(finding="visa") == []
    assert found(approvals=frozenset([("payments", "exec-1")])) == [let]
    assert found(approvals=frozenset([("payments", "exec-1"), ("shop", "exec-1")])) == [elsewhere, let]
    assert found(approvals=frozenset([("payments", "exec-2")])) == []
    assert found(approvals=frozenset[tuple[str, str]]()) == []
    assert found(phase="Completed", exit_code=7) == [failed]
    assert found(phase="Interrupted") == []
    assert lost in found(phase="Completed")


@pytest.mark.usefixtures("plan")
def test_limits_hold_whatever_is_left_out(store: Store) -> None:
    sessions = [ended(store, offset * 1000, exit_code=offset % 2) for offset in range(7)]
    hits = store.search(Query(text="common", failed=True, limit=2))
    assert [hit.record.session for hit in hits] == [sessions[5], sessions[3]]
    assert store.search(Query(text="common", failed=True, limit=0)) == []


def test_too_many_approvals_are_the_callers_fault(store: Store) -> None:
    many = frozenset(("payments", f"exec-{number}") for number in range(MAX_APPROVALS + 1))
    for ask in (store.search, store.sessions):
        with pytest.raises(CallerError, match="--since"):
            ask(Query(text="common", approvals=many))
