from devcluster.apt import PACKAGES, missing_packages


def test_packages_are_asked_for_once_and_only_where_missing() -> None:
    assert missing_packages(lambda _: True) == []
    assert missing_packages(lambda probe: probe != "etcd") == ["etcd-server"]
    assert missing_packages(lambda _: False) == sorted(set(PACKAGES.values()))
