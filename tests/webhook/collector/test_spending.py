"""Approvals are used up when their sessions begin to be kept."""

import asyncio

import pytest
from msgspec.structs import replace
from store_samples import make_record

from sidecar.contract.errors import ClusterError
from webhook.collector import spending
from webhook.collector.operations import Append, Outcome
from webhook.store.contract import SessionRecord

pytestmark = pytest.mark.anyio


def begun(approval: str | None) -> SessionRecord:
    session = make_record()
    return replace(session, decision=replace(session.decision, approval=approval))


async def test_a_session_uses_up_its_approval_once_the_cluster_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spending, "_PAUSE_SECONDS", 0.0)
    spent: list[tuple[str, str, str]] = []
    loop, done, trouble = asyncio.get_running_loop(), asyncio.Event(), [ClusterError("no answer")]

    def spend(namespace: str, name: str, session: str) -> None:
        if trouble:
            raise trouble.pop()
        spent.append((namespace, name, session))
        loop.call_soon_threadsafe(done.set)

    keeping = spending.Spending(spend)
    session, other = begun("exec-a-1"), begun(None)
    keeping.look(
        [
            Outcome(Append(other, (), (), new=other)),
            Outcome(Append(session, (), (), new=session)),
            Outcome(Append(session, (), ())),
        ]
    )
    working = asyncio.ensure_future(keeping.work())
    async with asyncio.timeout(10):
        await done.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert spent == [(session.namespace, "exec-a-1", session.session)]
