"""What registries send, and what of it counts."""

import hashlib
import json

import pytest

from webhook.registry.errors import ImageError
from webhook.registry.manifests import (
    Descriptor,
    Platform,
    Program,
    agreed,
    check_digest,
    chosen,
    read_manifest,
    read_program,
)


def descriptor(name: str, platform: str) -> Descriptor:
    return Descriptor(name, Platform(*platform.split("/")) if platform else None)


INDEX = [
    descriptor("sha256:amd", "linux/amd64"),
    descriptor("sha256:arm", "linux/arm64"),
    descriptor("sha256:win", "windows/amd64"),
    descriptor("sha256:att", "unknown/unknown"),
]


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("amd64", ("sha256:amd",)),
        ("arm64", ("sha256:arm",)),
        ("", ("sha256:amd", "sha256:arm")),
    ],
)
def test_images_for_the_node_are_chosen(architecture: str, expected: tuple[str, ...]) -> None:
    assert chosen(INDEX, architecture) == expected


def test_none_and_too_many_are_refused() -> None:
    with pytest.raises(ImageError, match="linux/s390x"):
        chosen(INDEX, "s390x")
    many = [descriptor(f"sha256:{n}", "linux/arm") for n in range(13)]
    with pytest.raises(ImageError, match="too many platforms"):
        chosen(many, "")


def test_one_program_or_none() -> None:
    till = Program(("/bin/till",), ("serve",))
    assert agreed([till, till]) == till
    with pytest.raises(ImageError, match="nodeSelector"):
        agreed([till, Program(("/bin/till",))])
    with pytest.raises(ImageError, match="neither ENTRYPOINT nor CMD"):
        agreed([Program()])
    with pytest.raises(ImageError, match="longer than"):
        agreed([Program(("a" * 20_000,))])


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"Entrypoint": ["/bin/till"], "Cmd": ["serve"]}, Program(("/bin/till",), ("serve",))),
        ({"Entrypoint": None, "Cmd": ["sh"]}, Program((), ("sh",))),
        ({}, Program()),
        (None, Program()),
    ],
)
def test_a_configuration_is_read(config: object, expected: Program) -> None:
    assert read_program(json.dumps({"os": "linux", "config": config}).encode()) == expected


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"\xff", b'{"manifests": [], "config": {"digest": "d"}}']
)
def test_what_is_no_manifest_is_refused_without_its_words(data: bytes) -> None:
    with pytest.raises(ImageError, match="is no manifest of an image"):
        read_manifest(data)


def test_content_is_what_its_digest_says() -> None:
    for kind in ("sha256", "sha512"):
        check_digest(b"content", f"{kind}:{hashlib.new(kind, b'content').hexdigest()}")
        with pytest.raises(ImageError, match="something else"):
            check_digest(b"other", f"{kind}:{hashlib.new(kind, b'content').hexdigest()}")
    with pytest.raises(ImageError, match="not known"):
        check_digest(b"content", "md5:" + hashlib.md5(b"content").hexdigest())
