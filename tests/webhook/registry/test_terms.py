"""Which registries may be asked, and where they may be."""

from urllib.parse import urlsplit

import pytest

from webhook.registry.errors import ImageError
from webhook.registry.terms import Terms, check_address, check_host, check_url

TERMS = Terms(
    hosts=("registry.other", "*.example", "registry.corp:5000"),
    plain_http=("plain.example:5000",),
    internal=("registry.corp:5000",),
)


@pytest.mark.parametrize(
    "host", ["registry.other", "registry.example", "REGISTRY.example", "registry.corp:5000"]
)
def test_who_is_listed_is_asked(host: str) -> None:
    check_host(host, TERMS)


@pytest.mark.parametrize(
    "host", ["third.other", "registry.corp", "registry.example:5000", "example", "registry.other.x"]
)
def test_nobody_else_is(host: str) -> None:
    with pytest.raises(ImageError, match=r"mainProcess\.registry\.hosts"):
        check_host(host, TERMS)
    with pytest.raises(ImageError, match="none of the registries"):
        check_host("registry.other", Terms())


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example/token",
        "http://plain.example/token",
        "ftp://registry.example/token",
        "//registry.example/token",
        "https:///token",
        "https://user:word@registry.example/token",
        "file:///etc/passwd",
        "",
    ],
)
def test_questions_go_by_https_alone(url: str) -> None:
    with pytest.raises(ImageError, match="not by https"):
        check_url(urlsplit(url), TERMS)


@pytest.mark.parametrize("url", ["https://elsewhere.example/token", "http://plain.example:5000/v2/"])
def test_or_without_where_it_is_said(url: str) -> None:
    check_url(urlsplit(url), TERMS)


INSIDE = [
    "127.0.0.1",
    "10.96.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::1",
]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_not_asked_unless_it_is_said_to_be_there(address: str) -> None:
    with pytest.raises(ImageError, match="not public") as raised:
        check_address("registry.example", address, TERMS)
    assert address not in str(raised.value)
    check_address("registry.corp:5000", address, TERMS)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_a_public_one_is(address: str) -> None:
    check_address("registry.example", address, TERMS)
