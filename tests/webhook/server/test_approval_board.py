"""The board: any number wait for decisions that one watch tells."""

import asyncio
import threading

import msgspec
import pytest
from approvals import BOB, decided, needed, pending
from msgspec.structs import replace
from policy_samples import BUILTIN, question

from webhook.approvals.objects import ApprovalRequest
from webhook.server.approval_board import ApprovalBoard

pytestmark = pytest.mark.anyio
TICKET = pending(question(), needed(BUILTIN))
APPROVED = decided(TICKET, BOB)


def raw(ticket: ApprovalRequest) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(ticket))


async def waiting(board: ApprovalBoard, count: int) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.ensure_future(board.wait(TICKET, 30)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_all_who_wait_are_woken_by_the_decision_without_a_thread_each() -> None:
    board = ApprovalBoard(most_waiting=200)
    before = threading.active_count()
    tasks = await waiting(board, 200)
    assert threading.active_count() == before
    board.changed(raw(TICKET))
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in tasks)
    follower = threading.Thread(target=board.changed, args=(raw(APPROVED),))
    follower.start()
    async with asyncio.timeout(10):
        assert all(await asyncio.gather(*tasks))
    follower.join()


async def test_a_decision_that_came_before_is_seen_at_once() -> None:
    board = ApprovalBoard(most_waiting=1)
    board.listed([raw(APPROVED)])
    assert await board.wait(TICKET, 30)


async def test_a_list_wakes_too() -> None:
    board = ApprovalBoard(most_waiting=1)
    [task] = await waiting(board, 1)
    board.listed([raw(APPROVED)])
    async with asyncio.timeout(10):
        assert await task


async def test_nobody_waits_longer_than_they_may_or_when_too_many_do() -> None:
    board = ApprovalBoard(most_waiting=1)
    assert not await board.wait(TICKET, 0.01)
    [task] = await waiting(board, 1)
    assert not await board.wait(TICKET, 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not await board.wait(TICKET, 0.01)


async def test_what_is_known_follows_the_watch() -> None:
    board = ApprovalBoard(most_waiting=1)
    shown = replace(TICKET, spec=replace(TICKET.spec, shown="large"))
    board.listed([raw(shown), msgspec.Raw(b'{"kind": "ApprovalRequest"}')])
    assert [ticket.spec.shown for ticket in board.tickets()] == [""]
    board.deleted(raw(TICKET))
    board.deleted(msgspec.Raw(b"{}"))
    assert board.tickets() == []


def test_which_request_was_the_last_for_an_action() -> None:
    board, base = ApprovalBoard(most_waiting=1), TICKET.metadata.labels["chaperone.dev/ask"]
    second = replace(TICKET, metadata=replace(TICKET.metadata, name=f"{base}-2"))
    namespace = TICKET.metadata.namespace
    board.changed(raw(TICKET))
    assert board.generation(namespace, base) is None, "before the first list nothing is known"
    board.listed([raw(second), raw(TICKET)])
    assert board.generation(namespace, base) == 2
    assert board.generation(namespace, "other") == board.generation("other", base) == 0
    board.changed(raw(replace(second, metadata=replace(second.metadata, name=f"{base}-12"))))
    board.changed(raw(TICKET))
    assert board.generation(namespace, base) == 12
