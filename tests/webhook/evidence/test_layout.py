"""A bundle is read alike by whoever unpacks it: a zip that gives some programs something else is refused."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable

import pytest
from evidence_bundles import check, files, forged, of_another_version, zipped
from evidence_desk import EvidenceDesk
from odd_zips import REGULAR, Odd, deflated, field, odd_zip, renaming

from webhook.evidence import archive, layout
from webhook.evidence.archive import ArchiveError, Reader, Writer
from webhook.evidence.layout import LayoutError
from webhook.ledger.verifying import BrokenError
from webhook.store.contract import SessionRecord

EVIL = b"<!doctype html>nothing happened"
TWICE = "bytes that belong to no file, or that belong to two"


def local(name: bytes, data: bytes) -> bytes:
    """A file as a zip has it, with its header and without a place in a directory."""
    head = struct.pack(
        "<4sHHHLLLLHH", b"PK\x03\x04", 20, 0, 0, 0x210000, 0, len(data), len(data), len(name), 0
    )
    return head + name + data


def moved(data: bytes, more: bytes, place: int) -> bytes:
    """A zip with more bytes before its directory, whose end knows of it."""
    found = bytearray(data[:place] + more + data[place:])
    end = found.rindex(b"PK\x05\x06")
    struct.pack_into("<L", found, end + 16, struct.unpack_from("<L", found, end + 16)[0] + len(more))
    return bytes(found)


def directory(data: bytes) -> int:
    end = data.rindex(b"PK\x05\x06")
    return struct.unpack_from("<L", data, end + 16)[0]


def overlapping(data: bytes) -> bytes:
    """A zip whose second file in the directory is the first one's bytes again."""
    found, start = bytearray(data), directory(data)
    name, extra, comment = struct.unpack_from("<HHH", found, start + 28)
    struct.pack_into("<L", found, start + 46 + name + extra + comment + 42, 0)
    return bytes(found)


def other_header(data: bytes) -> bytes:
    """A zip whose first file has another size in the header before it."""
    found = bytearray(data)
    struct.pack_into("<L", found, 22, 5)
    return bytes(found)


def another_name(data: bytes) -> bytes:
    return data.replace(b"index.html", b"index.htm_", 1)


TRICKS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another zip before it": (lambda data: zipped({"index.html": EVIL}) + data, TWICE),
    "bytes before it": (lambda data: b"#!/bin/sh\n" + data, TWICE),
    "bytes after it": (lambda data: data + b"more", "no zip file|" + TWICE),
    "a file between": (lambda data: moved(data, local(b"index.html", EVIL), directory(data)), TWICE),
    "one file's bytes for two": (overlapping, TWICE),
    "another size before the file": (other_header, "another file than the zip's directory says"),
    "another name before the file": (another_name, "another file than the zip's directory says"),
    "a comment": (lambda data: data[:-2] + struct.pack("<H", 4) + b"note", TWICE),
}


@pytest.mark.parametrize(("trick", "told"), TRICKS.values(), ids=TRICKS)
def test_a_zip_that_some_would_read_otherwise_is_refused(
    whole: bytes, trick: Callable[[bytes], bytes], told: str
) -> None:
    with pytest.raises(BrokenError, match=told):
        check(trick(whole))


INDEX = "index.html"
MORE = b"<script>document.title='forged'</script>"
ODD: dict[str, tuple[Callable[[bytes], Odd], str]] = {
    "more than its size": (lambda data: Odd(packed=deflated(data + MORE)), "it unpacks to other bytes"),
    "more than its size, unpacked": (lambda data: Odd(packed=data + MORE, method=0), "to other bytes"),
    "less than its size": (lambda data: Odd(packed=deflated(data[:-1])), "it unpacks to other bytes"),
    "bytes after its end": (lambda data: Odd(packed=deflated(data) + MORE), "it has bytes after its end"),
    "no end": (lambda data: Odd(packed=deflated(data)[:-1]), "it ends too early"),
    "another name in a field": (lambda _: Odd(extra=renaming(INDEX, "index.htm")), "no plain file"),
    "another name in the directory": (lambda _: Odd(listed=renaming(INDEX, "index.htm")), "no plain file"),
    "another name after its sizes": (
        lambda _: Odd(extra=field(1, bytes(16)) + renaming(INDEX, "index.htm")),
        "no plain file",
    ),
    "a link": (lambda _: Odd(attributes=(stat.S_IFLNK | 0o777) << 16), "no plain file"),
    "a folder": (lambda _: Odd(attributes=REGULAR | 0x10), "no plain file"),
    "a patch": (lambda _: Odd(flags=0x20), "packed in another way than in a bundle"),
}


@pytest.mark.parametrize(("make", "told"), ODD.values(), ids=ODD)
def test_a_file_that_some_would_unpack_otherwise_is_refused(
    whole: bytes, make: Callable[[bytes], Odd], told: str
) -> None:
    """By nobody's leave: its digest is right as Python's own reader unpacks it."""
    content = files(whole)
    assert check(odd_zip(content, {})).holds
    with pytest.raises(BrokenError, match=f"index.html .*{told}"):
        check(odd_zip(content, {INDEX: make(content[INDEX])}))


@pytest.mark.parametrize("place", range(4))
def test_an_end_that_counts_other_files_is_refused(whole: bytes, place: int) -> None:
    """Some programs unpack as many as it says."""
    with pytest.raises(BrokenError, match=TWICE):
        check(odd_zip(files(whole), {}, end={place: 1}))


def test_a_zip_with_an_end_of_64_bits_is_read(whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        wide = zipped(files(whole))
    assert check(wide).holds
    there = wide.rindex(b"PK\6\6")
    for place in (24, 32, 40, 48, there - len(wide)):
        changed = bytearray(wide)
        changed[there + place if place > 0 else len(wide) - 14] ^= 1
        with pytest.raises(BrokenError, match=f"no zip file|{TWICE}"):
            check(bytes(changed))


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "page/../../evil", "a//b", "a\\..\\evil", "C:evil", "a\nb", "a/", ".", "é"],
)
def test_a_name_that_leads_elsewhere_is_refused(whole: bytes, desk: EvidenceDesk, name: str) -> None:
    """Even in a bundle that the collector signed: whoever may export has any digest signed."""
    with pytest.raises(BrokenError, match="a name that no bundle has"):
        check(forged({**files(whole), name: EVIL}, desk.vouch))


def test_names_that_are_one_for_some_file_systems_are_refused(whole: bytes, desk: EvidenceDesk) -> None:
    with pytest.raises(BrokenError, match="two files of one name"):
        check(forged({**files(whole), "INDEX.html": EVIL}, desk.vouch))


def test_a_file_that_is_a_folder_too_is_refused(whole: bytes, desk: EvidenceDesk) -> None:
    with pytest.raises(BrokenError, match="a file that is a folder, too"):
        check(forged({**files(whole), "INDEX.html/more": EVIL}, desk.vouch))


@pytest.mark.parametrize(
    "name", ["{0}", "page/{0}.html", "page/{0}.more.js", "more/{0}/index.html", "sessions/{0}/more.html"]
)
def test_a_file_that_a_session_does_not_have_is_refused(
    whole: bytes, desk: EvidenceDesk, sessions: dict[str, SessionRecord], name: str
) -> None:
    name = name.format(sessions["cards"].session)
    with pytest.raises(BrokenError, match="belongs to nothing in the bundle"):
        check(forged({**files(whole), name: EVIL}, desk.vouch))


def test_of_another_version_only_pages_are_taken_as_they_are(
    whole: bytes, desk: EvidenceDesk, sessions: dict[str, SessionRecord]
) -> None:
    other = of_another_version(files(whole))
    found = check(forged({**other, "page/new.js": b"1"}, desk.vouch))
    assert (found.holds, found.pages) == (True, False)
    folder = f"sessions/{sessions['cards'].session}"
    for name in (f"{folder}/more.html", "ledger/more"):
        with pytest.raises(BrokenError, match="belongs to nothing in the bundle"):
            check(forged({**other, name: EVIL}, desk.vouch))
    with pytest.raises(BrokenError, match=r"session\.cast says something else"):
        check(forged({**other, f"{folder}/session.cast": EVIL}, desk.vouch))


@pytest.mark.parametrize("name", ["ledger/ledger.json", "sessions/{0}/session.json"])
@pytest.mark.parametrize("data", [b'{"a":"\xff"}', b'{"a":' * 20_000, b"\xed\xa0\x80", b""])
def test_what_cannot_be_read_is_named(
    whole: bytes, desk: EvidenceDesk, sessions: dict[str, SessionRecord], name: str, data: bytes
) -> None:
    name = name.format(sessions["cards"].session)
    with pytest.raises(BrokenError, match=f"{name} cannot be read"):
        check(forged({**files(whole), name: data}, desk.vouch))


def test_a_file_of_more_than_4_gib_would_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "_HUGE", 1)
    file = io.BytesIO()
    writer = Writer(file)
    writer.add("large", [b"x" * 100], expected=5 << 30)
    writer.finish()
    writer.close()
    assert layout.check_layout(file, zipfile.ZipFile(file)) is None
    assert Reader(file).read("large") == b"x" * 100


def test_a_line_without_an_end_is_not_kept_in_memory() -> None:
    file = io.BytesIO()
    writer = Writer(file)
    writer.add("long", (b"\0" * (1 << 20) for _ in range(32)))
    writer.close()
    with pytest.raises(ArchiveError, match="longer than it can be"):
        list(Reader(file).lines("long"))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_file_packed_in_another_way_is_refused(method: int) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        made.writestr("a", b"data")
    with pytest.raises(LayoutError, match="packed in another way"):
        Reader(file)
