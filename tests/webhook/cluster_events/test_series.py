"""The same again is a count, and one object does not get everything."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from told import event

from webhook.cluster_events.remarks import Remark, remark
from webhook.cluster_events.series import FINISH_SECONDS, Make, Series


def told(**changes: Any) -> Remark:
    found = remark(event(**changes))
    assert found is not None
    return found


def test_the_first_is_made_and_the_rest_is_counted() -> None:
    series, same = Series(), told()
    made = series.take(same, 0)
    assert made is not None
    assert [series.take(same, second) for second in (1, 2, 3)] == [None] * 3
    assert series.due(5) == []
    [repeat] = series.due(31)
    assert (repeat.name, repeat.count, repeat.at) == (made.name, 4, 3)
    assert series.due(32) == []


def test_after_six_quiet_minutes_it_is_a_new_event() -> None:
    series = Series()
    first = series.take(told(), 0)
    series.take(told(), 1)
    assert [repeat.count for repeat in series.due(FINISH_SECONDS + 1)] == [2]
    second = series.take(told(), FINISH_SECONDS + 2)
    assert first is not None
    assert second is not None
    assert first.name != second.name


def test_another_text_is_another_event() -> None:
    series = Series()
    names = {made.name for who in ("a", "b") if (made := series.take(told(requester=who), 0))}
    assert len(names) == 2
    assert all(name.startswith("shop.") for name in names)


def test_an_event_has_a_name_that_the_api_server_takes() -> None:
    for name in ("system:leader", "x" * 250, "a..b", "-"):
        remark = replace(told(), regarding=replace(told().regarding, name=name))
        made = Series().take(remark, 0)
        assert made is not None
        assert made.name.startswith("chaperone.")


def test_one_object_gets_a_burst_and_then_a_few() -> None:
    series = Series()
    made = [series.take(told(requester=f"agent-{number}"), 0) for number in range(100)]
    assert sum(one is not None for one in made) == 25
    assert series.take(replace(told(), text="x"), 61) is not None
    other = replace(told(), regarding=replace(told().regarding, name="other"))
    assert series.take(other, 0) is not None


def test_an_event_that_is_gone_is_made_anew() -> None:
    series = Series()
    made = series.take(told(), 0)
    assert made is not None
    series.forget(made.name)
    assert isinstance(series.take(told(), 1), Make)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 400)), max_size=40))
def test_nothing_is_counted_twice_or_lost(steps: list[tuple[str, float]]) -> None:
    series, now, made = Series(), 0.0, 0
    counts: dict[str, int] = {}
    for who, gap in steps:
        now += gap
        counts |= {repeat.name: repeat.count for repeat in series.due(now)}
        new = series.take(told(requester=who), now)
        if new is not None:
            made += 1
            counts[new.name] = 1
    counts |= {repeat.name: repeat.count for repeat in series.due(now, everything=True)}
    assert sum(counts.values()) == len(steps)
    assert len(counts) == made
