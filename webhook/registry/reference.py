"""Names of images, as container runtimes read them.

Source: https://github.com/distribution/reference, https://github.com/opencontainers/distribution-spec
"""

import re
from typing import Final

import msgspec

from webhook.registry.errors import ImageError

DEFAULT_HOST: Final = "docker.io"
"""Whose images need no host in their name."""
DEFAULT_SERVER: Final = "registry-1.docker.io"
"""Who answers for it."""
OTHER_DEFAULT: Final = "index.docker.io"
"""Another name of it, of old, under which credentials are filed."""
_MOST_CHARACTERS: Final = 512
_HOST: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9.]{0,251}[A-Za-z0-9])?(:[0-9]{1,5})?")
_PATH: Final = re.compile(r"[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*")
_TAG: Final = re.compile(r"[A-Za-z0-9_][-A-Za-z0-9._]{0,127}")
_DIGEST: Final = re.compile(r"sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})")


class Reference(msgspec.Struct, frozen=True):
    """Which image is meant."""

    host: str
    """Of the registry, with its port if one is given, as in ``registry.example:5000``."""
    repository: str
    tag: str
    digest: str = ""
    """It alone counts where there is one."""

    @property
    def server(self) -> str:
        """Who answers for the registry."""
        return DEFAULT_SERVER if self.host == DEFAULT_HOST else self.host

    @property
    def version(self) -> str:
        """What is asked of the registry: the digest, or the tag."""
        return self.digest or self.tag

    @property
    def name(self) -> str:
        """Without tag and digest."""
        return f"{self.host}/{self.repository}"


def read_reference(image: str) -> Reference:
    """Read a container's ``image``. Raises ImageError."""
    if len(image) > _MOST_CHARACTERS:
        raise ImageError("its name is too long")
    name, _, digest = image.partition("@")
    first, slash, rest = name.partition("/")
    is_host = bool(slash) and (first == "localhost" or any(sign in first for sign in ".:"))
    host, path = (first, rest) if is_host else (DEFAULT_HOST, name)
    last = path.rpartition("/")[2]
    repository, tag = path.rsplit(":", 1) if ":" in last else (path, "latest")
    if host in {DEFAULT_HOST, OTHER_DEFAULT}:
        host, repository = DEFAULT_HOST, repository if "/" in repository else f"library/{repository}"
    fits = _HOST.fullmatch(host) and _PATH.fullmatch(repository) and _TAG.fullmatch(tag)
    if not fits or ("@" in image and not _DIGEST.fullmatch(digest)):
        raise ImageError("its name is none that a registry could know")
    return Reference(host.lower(), repository, tag, digest)
