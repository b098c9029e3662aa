"""Credentials of registries, found as the kubelet finds them."""

import base64
import json

import pytest

from webhook.registry.credentials import Credentials, Keyring
from webhook.registry.reference import DEFAULT_HOST, OTHER_DEFAULT, read_reference


def document(**auths: object) -> bytes:
    return json.dumps({"auths": auths}).encode()


def auth(user: str, password: str = "word") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def found(image: str, *documents: bytes) -> list[str]:
    return [one.username for one in Keyring(documents).matching(read_reference(image))]


@pytest.mark.parametrize(
    ("key", "image", "fits"),
    [
        ("registry.example", "registry.example/shop/till", True),
        ("https://registry.example/v2/", "registry.example/shop/till", True),
        ("registry.example/shop", "registry.example/shop/till", True),
        ("registry.example/v1/shop", "registry.example/shop/till", True),
        ("registry.example/other", "registry.example/shop/till", False),
        ("registry.example:5000", "registry.example/till", False),
        ("registry.example:5000", "registry.example:5000/till", True),
        ("*.example", "registry.example/till", True),
        ("*.example", "a.registry.example/till", False),
        ("*.*.example", "a.registry.example/till", True),
        ("reg*.example", "registry.example/till", True),
        ("example", "registry.example/till", False),
        (f"https://{OTHER_DEFAULT}/v1/", "nginx", True),
        (DEFAULT_HOST, f"{DEFAULT_HOST}/shop/till", True),
        (OTHER_DEFAULT, "registry.example/shop/till", False),
        ("REGISTRY.example", "registry.example/till", True),
    ],
)
def test_a_key_fits_as_it_does_for_the_kubelet(key: str, image: str, *, fits: bool) -> None:
    assert bool(found(image, document(**{key: auth("u")}))) is fits


def test_the_most_particular_come_first_and_each_once() -> None:
    both = document(**{"registry.example": auth("all"), "registry.example/shop": auth("shop")})
    assert found("registry.example/shop/till", both, both) == ["shop", "all"]


def test_user_and_password_may_be_apart_and_a_password_hold_colons() -> None:
    apart = document(**{"r.example": {"username": "u", "password": "w"}})
    assert Keyring([apart]).matching(read_reference("r.example/t")) == (Credentials("u", "w"),)
    colons = document(**{"r.example": auth("u", "a:b:c")})
    assert Keyring([colons]).matching(read_reference("r.example/t")) == (Credentials("u", "a:b:c"),)


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"auths": 1}',
        document(**{"r.example": {"auth": "!"}}),
        document(**{"": auth("u")}),
        document(**{"r.example": {"auth": base64.b64encode(b"no colon").decode()}}),
    ],
)
def test_what_cannot_be_read_holds_none(broken: bytes) -> None:
    assert found("r.example/till", broken) == []


def test_neither_word_nor_user_is_shown() -> None:
    keyring = Keyring([document(**{"r.example": auth("someone", "s3cret")})])
    shown = repr(keyring.matching(read_reference("r.example/t"))) + repr(vars(keyring))
    assert "s3cret" not in shown
    assert "someone" not in shown
