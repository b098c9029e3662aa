from sidecar.processes.ration import Ration


def test_no_more_than_so_many_a_minute() -> None:
    ration = Ration(per_minute=2)
    assert ration.is_left(0)
    ration.take(0)
    assert ration.is_left(10)
    ration.take(10)
    assert not ration.is_left(59)
    assert ration.is_left(61)
    ration.take(61)
    assert not ration.is_left(69)
    assert ration.is_left(71)
