import pytest
from devcluster.errors import ClusterToolError
from devcluster.network import choose_subnet, link_of, render_masquerade


def test_the_two_ends_of_a_link() -> None:
    assert (link_of(0).host, link_of(0).node) == ("10.201.0.1", "10.201.0.2")
    assert (link_of(16383).host, link_of(16383).node) == ("10.201.255.253", "10.201.255.254")


def test_the_same_cluster_gets_the_same_link() -> None:
    assert choose_subnet("chaperone-dev-1", []) == choose_subnet("chaperone-dev-1", ["192.168.0.0/24"])


@pytest.mark.parametrize("width", [30, 24, 32])
def test_a_link_in_use_is_passed_over(width: int) -> None:
    first = choose_subnet("a", [])
    second = choose_subnet("a", [f"{link_of(first).host}/{width}"])
    assert second != first


def test_no_link_is_left() -> None:
    with pytest.raises(ClusterToolError, match="no free /30"):
        choose_subnet("a", ["10.0.0.0/8"])


def test_masquerading_replaces_itself() -> None:
    text = render_masquerade()
    assert text.index("delete table ip chaperone") < text.index("masquerade")
