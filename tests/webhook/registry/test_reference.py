"""Names of images, as runtimes read them."""

import pytest

from webhook.registry.errors import ImageError
from webhook.registry.reference import DEFAULT_HOST, DEFAULT_SERVER, OTHER_DEFAULT, Reference, read_reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nginx", Reference(DEFAULT_HOST, "library/nginx", "latest")),
        ("nginx:1.29", Reference(DEFAULT_HOST, "library/nginx", "1.29")),
        ("shop/till", Reference(DEFAULT_HOST, "shop/till", "latest")),
        (f"{OTHER_DEFAULT}/nginx:1", Reference(DEFAULT_HOST, "library/nginx", "1")),
        (f"{DEFAULT_HOST}/shop/till", Reference(DEFAULT_HOST, "shop/till", "latest")),
        ("Registry.example/shop/till:7", Reference("registry.example", "shop/till", "7")),
        ("registry.example:5000/till", Reference("registry.example:5000", "till", "latest")),
        ("localhost/till", Reference("localhost", "till", "latest")),
        (
            f"registry.example/shop/till@{DIGEST}",
            Reference("registry.example", "shop/till", "latest", DIGEST),
        ),
        (f"registry.example/a/b:7@{DIGEST}", Reference("registry.example", "a/b", "7", DIGEST)),
    ],
)
def test_a_name_is_read(image: str, expected: Reference) -> None:
    assert read_reference(image) == expected


def test_the_default_registry_has_a_server_of_its_own() -> None:
    assert read_reference("nginx").server == DEFAULT_SERVER
    assert read_reference("registry.example/nginx").server == "registry.example"


@pytest.mark.parametrize(
    "image",
    [
        "",
        "UPPER",
        "a b",
        "nginx:",
        "nginx@sha256:short",
        "nginx@md5:" + "a" * 64,
        "http://registry.example/till",
        "user:word@registry.example/till",
        "registry.example/../v2/till",
        "registry.example/till?x=y",
        "registry.example/till#x",
        "registry.example:99999999/till",
        "[::1]:5000/till",
        "registry.example/till:7\r\nHost: other",
        "a" * 600,
    ],
)
def test_what_is_no_name_is_not_asked_for(image: str) -> None:
    with pytest.raises(ImageError):
        read_reference(image)
