"""Watchers wake when something changed, and only as late as they allow."""

import asyncio

from webhook.collector.changes import Changes, Stamps


def test_a_watcher_wakes_on_news_and_not_on_what_it_knows() -> None:
    async def story() -> None:
        changes = Changes()
        changes.announce(5)
        await changes.wait(4, timeout=60)
        await changes.wait(5, timeout=0.01)
        waiting = [asyncio.ensure_future(changes.wait(6, timeout=60)) for _ in range(3)]
        await asyncio.sleep(0)
        changes.announce(6)
        changes.announce(4)
        await asyncio.sleep(0.01)
        assert not any(waiter.done() for waiter in waiting)
        changes.announce(7)
        await asyncio.gather(*waiting)

    asyncio.run(story())


def test_stamps_grow_even_when_the_clock_does_not() -> None:
    clock = iter([10, 10, 3, 50])
    stamps = Stamps(lambda: next(clock))
    assert [stamps() for _ in range(4)] == [10, 11, 12, 50]
