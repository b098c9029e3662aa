import pytest
from devcluster.status import render_age, render_table


def test_a_table_is_aligned() -> None:
    text = render_table(("NAME", "STATE"), [("etcd", "running"), ("kube-apiserver", "missing")])
    assert text == "NAME            STATE\netcd            running\nkube-apiserver  missing\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (90000, "25h")]
)
def test_ages(seconds: float, text: str) -> None:
    assert render_age(seconds) == text
