"""Credentials of registries, in the form of ``.dockerconfigjson``, found as the kubelet finds them.

Source: https://kubernetes.io/docs/concepts/containers/images/#config-json
"""

import base64
import binascii
import fnmatch
from collections.abc import Iterable, Iterator

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.registry.reference import DEFAULT_HOST, OTHER_DEFAULT, Reference


class Credentials(msgspec.Struct, frozen=True):
    """Who asks a registry."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Credentials(…)"


class _Entry(msgspec.Struct, frozen=True):
    auth: str = ""
    username: str = ""
    password: str = ""


class _Document(msgspec.Struct, frozen=True):
    auths: dict[str, _Entry] = {}


class _Filed(msgspec.Struct, frozen=True):
    host: str
    path: str
    credentials: Credentials

    def __repr__(self) -> str:
        return f"_Filed({self.host!r}, {self.path!r}, …)"


class Keyring:
    """Credentials by where they are for."""

    def __init__(self, documents: Iterable[bytes]) -> None:
        """Take ``.dockerconfigjson`` documents; one that cannot be read holds none, as for the kubelet."""
        filed = [one for document in documents for one in _read(document)]
        # The most particular first, as in reversed order of their names.
        self._filed = sorted(filed, key=lambda one: one.host + one.path, reverse=True)

    def matching(self, image: Reference) -> tuple[Credentials, ...]:
        """Give the credentials to be tried, in their order; none where nobody need sign in."""
        found = [one.credentials for one in self._filed if _fits(one, image)]
        return tuple(dict.fromkeys(found))


def _read(document: bytes) -> Iterator[_Filed]:
    try:
        auths = msgspec.json.decode(document, type=_Document).auths
    except UNREADABLE:
        return
    for place, entry in auths.items():
        host, path = _place(place)
        credentials = _credentials(entry)
        if host and credentials is not None:
            yield _Filed(host, path, credentials)


def _place(place: str) -> tuple[str, str]:
    """Give host and path of a key, which may be a URL of an API of old."""
    bare = place.removeprefix("https://").removeprefix("http://")
    host, slash, path = bare.partition("/")
    for version in ("v1/", "v2/"):
        path = path.removeprefix(version) if path.startswith(version) else path
    return host.lower(), f"{slash}{path}".rstrip("/") if path.rstrip("/") else ""


def _credentials(entry: _Entry) -> Credentials | None:
    if not entry.auth:
        return Credentials(entry.username, entry.password) if entry.username else None
    try:
        text = base64.b64decode(entry.auth.rstrip("=") + "=" * (-len(entry.auth.rstrip("=")) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    username, colon, password = text.partition(":")
    return Credentials(username, password.rstrip("\0")) if colon and username else None


def _fits(filed: _Filed, image: Reference) -> bool:
    if not f"/{image.repository}".startswith(filed.path):
        return False
    if image.host == DEFAULT_HOST and filed.host in {OTHER_DEFAULT, DEFAULT_HOST}:
        return True
    ours, theirs = filed.host.partition(":"), image.host.partition(":")
    parts, others = ours[0].split("."), theirs[0].split(".")
    return (
        ours[2] == theirs[2]
        and len(parts) == len(others)
        and all(fnmatch.fnmatchcase(other, part) for part, other in zip(parts, others, strict=True))
    )
