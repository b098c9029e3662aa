"""Zip files whose bytes depend on their content alone, with the digest of every file in them."""

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from sidecar.contract.errors import CallerError
from webhook.evidence.layout import LayoutError, check_layout, contents

SUMS: Final = "SHA256SUMS"
"""Lines of ``sha256sum``: of every file but this one and its signature."""
SIGNATURE: Final = "SHA256SUMS.sig"
CERTIFICATE: Final = "SHA256SUMS.certificate"
UNSUMMED: Final = (SUMS, SIGNATURE, CERTIFICATE)
_CHUNK: Final = 256 * 1024
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644 << 16
_UNIX: Final = 3
_LEVEL: Final = 6
_HUGE: Final = 1 << 30
_MOST_LINE: Final = 16 << 20
"""Bytes; a frame of the largest size, every character of it escaped, has less."""


class ArchiveError(CallerError):
    """A file that is no bundle, or one that was changed."""


class Writer:
    """Writes files into a zip, one after another."""

    def __init__(self, file: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._digests: dict[str, str] = {}

    def add(self, name: str, chunks: Iterable[bytes], *, expected: int = 0) -> None:
        """Add a file. ``expected`` is about its size, where that may be large."""
        digest = hashlib.sha256()
        info = zipfile.ZipInfo(name, _TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.create_system = _UNIX
        info.external_attr = _MODE
        with self._zip.open(info, "w", force_zip64=expected > _HUGE) as file:
            for chunk in _gathered(chunks):
                digest.update(chunk)
                file.write(chunk)
        self._digests[name] = digest.hexdigest()

    def finish(self) -> bytes:
        """Add SHA256SUMS over what is there, and give it; its signature may follow."""
        lines = (f"{digest}  {name}\n" for name, digest in sorted(self._digests.items()))
        sums = "".join(lines).encode()
        self.add(SUMS, [sums])
        return sums

    def close(self) -> None:
        """Write the zip's directory."""
        self._zip.close()


class Reader:
    """Reads a bundle. Every method raises CallerError."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise ArchiveError(f"it is no zip file that can be read: {error}") from None
        check_layout(file, self._zip)
        self._file = file
        self.names = frozenset(self._zip.namelist())

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give a file's bytes, piece by piece."""
        if name not in self.names:
            raise ArchiveError(f"{name} is missing")
        try:
            yield from contents(self._file, self._zip.getinfo(name))
        except (LayoutError, zlib.error, OSError) as error:
            raise ArchiveError(f"{name} is damaged: {error}") from None

    def read(self, name: str, *, most: int = 256 << 20) -> bytes:
        """Give a small file's bytes."""
        found = bytearray()
        for chunk in self.chunks(name):
            found += chunk
            if len(found) > most:
                raise ArchiveError(f"{name} is larger than it can be")
        return bytes(found)

    def lines(self, name: str) -> Iterator[bytes]:
        """Give a file's lines, with their ends."""
        rest = b""
        for chunk in self.chunks(name):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield line + b"\n"
            if len(rest) > _MOST_LINE:
                raise ArchiveError(f"{name} has a line that is longer than it can be")
        if rest:
            yield rest

    def check_sums(self) -> bytes:
        """Check that every file is there as it is summed, and none else; give SHA256SUMS."""
        sums = self.read(SUMS)
        listed = _listed(sums)
        for name, digest in listed.items():
            if name not in self.names:
                raise ArchiveError(f"{name} is missing: {SUMS} names it")
            found = hashlib.sha256()
            for chunk in self.chunks(name):
                found.update(chunk)
            if found.hexdigest() != digest:
                raise ArchiveError(f"{name} was changed: its bytes are not those that {SUMS} names")
        more = self.names - listed.keys() - set(UNSUMMED)
        if more:
            raise ArchiveError(f"{min(more)} was added: {SUMS} does not name it")
        return sums


def _listed(sums: bytes) -> dict[str, str]:
    try:
        pairs = [line.split("  ", 1) for line in sums.decode().splitlines()]
        listed = {name: digest for digest, name in pairs}
    except ValueError:
        raise ArchiveError(f"{SUMS} was changed: it is no list of digests") from None
    if "".join(f"{digest}  {name}\n" for name, digest in sorted(listed.items())).encode() != sums:
        raise ArchiveError(f"{SUMS} was changed: it is not in the one form that it has")
    return listed


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        if len(gathered) >= _CHUNK:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered)
