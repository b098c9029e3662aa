"""Asking a registry what an image starts: the OCI distribution API, over whatever carries the questions.

Source: https://github.com/opencontainers/distribution-spec, https://distribution.github.io/distribution/spec/auth/token/
"""

import base64
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from sidecar.contract.decoding import UNREADABLE
from webhook.registry.credentials import Credentials
from webhook.registry.errors import ImageError
from webhook.registry.http import Fetched, Visit
from webhook.registry.manifests import (
    INDEXES,
    MANIFESTS,
    Manifest,
    Program,
    agreed,
    check_digest,
    chosen,
    read_manifest,
    read_program,
)
from webhook.registry.reference import Reference
from webhook.registry.terms import Terms, check_host, is_listed

_MOST_BYTES: Final = 1024 * 1024
"""Of a manifest, an index or a configuration."""
_MOST_TOKEN_BYTES: Final = 64 * 1024
_ACCEPT: Final = ", ".join((*INDEXES, *MANIFESTS))
_PARAMETER: Final = re.compile(r'([A-Za-z_]+)="([^"]*)"')
_MEANINGS: Final = {
    401: "wants other credentials",
    403: "does not let it be read with these credentials",
    404: "knows no such image, or wants credentials",
    429: "is asked too often; try again later",
}


class RefusedError(ImageError):
    """Other credentials may help."""


class _Token(msgspec.Struct, frozen=True):
    token: str = ""
    access_token: str = ""

    def __repr__(self) -> str:
        return "_Token(…)"


def ask(
    visit: Visit, image: Reference, architecture: str, credentials: tuple[Credentials, ...], terms: Terms
) -> Program:
    """Give what an image starts. Raises ImageError.

    ``architecture`` is that of the node, empty where any will do. ``credentials`` are tried in their order.
    """
    check_host(image.host, terms)
    for one in credentials[:-1]:
        try:
            return _Conversation(visit, image, one, terms).program(architecture)
        except RefusedError:
            continue
    return _Conversation(visit, image, credentials[-1] if credentials else None, terms).program(architecture)


class _Conversation:
    """Questions about one repository, by one who asks."""

    def __init__(self, visit: Visit, image: Reference, credentials: Credentials | None, terms: Terms) -> None:
        self._visit = visit
        self._image = image
        self._credentials = credentials
        scheme = "http" if is_listed(image.server, terms.plain_http) else "https"
        self._base = f"{scheme}://{image.server}/v2/{image.repository}"
        self._authorization: dict[str, str] = {}

    def program(self, architecture: str) -> Program:
        found = self._manifest(self._image.version, self._image.digest)
        if found.config is not None:
            return agreed([self._config(found)])
        digests = chosen(found.manifests or (), architecture)
        return agreed(self._config(self._manifest(digest, digest)) for digest in digests)

    def _manifest(self, version: str, digest: str) -> Manifest:
        data = self._get(f"manifests/{quote(version, safe=':')}", {"Accept": _ACCEPT})
        if digest:
            check_digest(data, digest)
        return read_manifest(data)

    def _config(self, manifest: Manifest) -> Program:
        if manifest.config is None:
            raise ImageError("an index of it lists another index")
        digest = manifest.config.digest
        data = self._get(f"blobs/{quote(digest, safe=':')}", {})
        check_digest(data, digest)
        return read_program(data)

    def _get(self, path: str, headers: Mapping[str, str]) -> bytes:
        url = f"{self._base}/{path}"
        answer = self._visit.get(url, headers={**headers, **self._authorization}, most_bytes=_MOST_BYTES)
        if answer.status == 401 and not self._authorization:
            self._authorization = self._sign_in(answer)
            answer = self._visit.get(url, headers={**headers, **self._authorization}, most_bytes=_MOST_BYTES)
        if answer.status == 200:
            return answer.body
        meaning = _MEANINGS.get(answer.status, f"answered {answer.status}")
        kind = RefusedError if answer.status in {401, 403, 404} else ImageError
        raise kind(f"{self._image.host} {meaning}")

    def _sign_in(self, answer: Fetched) -> dict[str, str]:
        """Do as a challenge says (RFC 9110, 11.6.1). Gives the header to ask with."""
        challenge = answer.headers.get("www-authenticate", "")
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            if self._credentials is None:
                raise RefusedError(f"{self._image.host} wants credentials")
            return {"Authorization": _basic(self._credentials)}
        if scheme.lower() != "bearer":
            raise ImageError(f"{self._image.host} wants to be asked in a way that is not known")
        return {"Authorization": f"Bearer {self._token(dict(_PARAMETER.findall(rest)))}"}

    def _token(self, challenge: Mapping[str, str]) -> str:
        realm = challenge.get("realm", "")
        scope = challenge.get("scope") or f"repository:{self._image.repository}:pull"
        query = {"service": challenge.get("service", ""), "scope": scope}
        asked = urlencode({key: value for key, value in query.items() if value})
        headers = {"Authorization": _basic(self._credentials)} if self._credentials else {}
        url = f"{realm}{'&' if '?' in realm else '?'}{asked}"
        answer = self._visit.get(url, headers=headers, most_bytes=_MOST_TOKEN_BYTES)
        if answer.status != 200:
            kind = RefusedError if answer.status in {400, 401, 403} else ImageError
            raise kind(f"{self._image.host} gives no token with these credentials ({answer.status})")
        try:
            token = msgspec.json.decode(answer.body, type=_Token)
        except UNREADABLE:
            raise ImageError(f"{self._image.host} gives a token that cannot be read") from None
        text = token.token or token.access_token
        if not text.isascii() or not text.isprintable():
            raise ImageError(f"{self._image.host} gives a token that cannot be read")
        return text


def _basic(who: Credentials) -> str:
    return "Basic " + base64.b64encode(f"{who.username}:{who.password}".encode()).decode()
