"""Entries: one encoding each, read back whole, and nothing else is an entry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_samples import T0, Ledger, ledger_key, make_event, make_manifest

from webhook.ledger.entries import (
    Entry,
    EntryError,
    Exported,
    SignedManifest,
    SignedRemoval,
    SigningKey,
    Start,
    check_manifest,
    entry_of,
    key_of,
    kind_of,
    manifest_entry,
    read_certificate,
    read_entry,
    write_certificate,
)
from webhook.ledger.keys import KeyRing
from webhook.ledger.notes import NoteError

LEDGER = Ledger()
VALUES = [
    Start(T0, LEDGER.origin, ("ab",), "0.1.0"),
    SigningKey(T0, "ab", write_certificate(LEDGER.key.certificate)),
    make_event(),
    Exported(T0, 2, T0, LEDGER.checkpoint),
]
ENTRIES = [*map(entry_of, VALUES), manifest_entry(make_manifest(), LEDGER.key, LEDGER.origin)]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_an_entry_is_read_as_it_was_written(value: Start | SigningKey | Exported) -> None:
    entry = entry_of(value)
    assert read_entry(entry.data) == value
    assert key_of(read_entry(entry.data)) == entry.key
    assert entry == entry_of(value)
    header, _, line = entry.data.partition(b"\n")
    assert header.decode() == f"chaperone.dev/ledger/{kind_of(entry.key)}/v1"
    assert line.endswith(b"}\n")


def test_the_bytes_of_an_entry_are_these() -> None:
    assert entry_of(Start(5, "o", ("ab", "cd"), "0.1.0")).data == (
        b'chaperone.dev/ledger/start/v1\n{"at":5,"origin":"o","roots":["ab","cd"],"software":"0.1.0"}\n'
    )


def test_a_manifest_is_signed_as_a_note() -> None:
    manifest = make_manifest()
    entry = manifest_entry(manifest, LEDGER.key, LEDGER.origin)
    signed = read_entry(entry.data)
    assert isinstance(signed, SignedManifest)
    assert signed.manifest == manifest
    assert entry.key == key_of(signed) == f"manifest/{manifest.session}"
    ring = KeyRing(LEDGER.origin, LEDGER.roots)
    ring.add(LEDGER.key.certificate)
    check_manifest(signed, ring)
    late = read_entry(manifest_entry(make_manifest(sealed_at=1), LEDGER.key, LEDGER.origin).data)
    assert isinstance(late, SignedManifest)
    with pytest.raises(NoteError, match="outside the time"):
        check_manifest(late, ring)
    foreign = read_entry(manifest_entry(manifest, ledger_key(Ledger().root), LEDGER.origin).data)
    assert isinstance(foreign, SignedManifest)
    with pytest.raises(NoteError, match="no key"):
        check_manifest(foreign, ring)


@given(st.sampled_from(ENTRIES), st.integers(0), st.integers(1, 255))
def test_changed_bytes_are_no_entry_or_another(entry: Entry, place: int, flip: int) -> None:
    raw = bytearray(entry.data)
    raw[place % len(raw)] ^= flip
    try:
        value = read_entry(bytes(raw))
    except EntryError:
        return
    if isinstance(value, SignedManifest):
        ring = KeyRing(LEDGER.origin, LEDGER.roots)
        ring.add(LEDGER.key.certificate)
        with pytest.raises(NoteError):
            check_manifest(value, ring)
    elif not isinstance(value, SignedRemoval):
        assert entry_of(value).data == bytes(raw)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"chaperone.dev/ledger/start/v2\n{}\n",
        b"chaperone.dev/ledger/none/v1\n{}\n",
        b"chaperone.dev/ledger/start/v1\n{}\n",
        b'chaperone.dev/ledger/start/v1\n{"at":5,"origin":"o","roots":[],"software":"1"}',
        b'chaperone.dev/ledger/start/v1\n{"at": 5,"origin":"o","roots":[],"software":"1"}\n',
        b'chaperone.dev/ledger/start/v1\n{"origin":"o","at":5,"roots":[],"software":"1"}\n',
        b'chaperone.dev/ledger/start/v1\n{"at":5,"at":5,"origin":"o","roots":[],"software":"1"}\n',
        b'chaperone.dev/ledger/start/v1\n{"at":5,"origin":"o","roots":[],"software":"1","x":1}\n',
        b'chaperone.dev/ledger/start/v1\n{"at":5,"origin":"\\u006f","roots":[],"software":"1"}\n',
        b'chaperone.dev/ledger/start/v1\n{"at":5,"origin":"o","roots":[],"software":"1"}\nmore',
        b'chaperone.dev/ledger/start/v1\n{"at":5,"origin":"\xff","roots":[],"software":"1"}\n',
        b"chaperone.dev/ledger/start/v1\n" + b"[" * 100_000,
        b"x" * ((1 << 20) + 1),
    ],
)
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        read_entry(data)


def test_a_certificate_survives_its_text() -> None:
    assert read_certificate(write_certificate(LEDGER.key.certificate)) == LEDGER.key.certificate
    for text in ("!", "AAAA", "é"):
        with pytest.raises(EntryError):
            read_certificate(text)
