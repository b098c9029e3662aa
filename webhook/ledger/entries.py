"""What is in the ledger, and its bytes: a line that names kind and version, a line of JSON, and for a
manifest or a removal the signature, which makes it a signed note.

The JSON is canonical: keys sorted, no spaces, defaults left out, UTF-8. A value has exactly one encoding,
and bytes that are not that encoding are no entry.
"""

import base64
import binascii
from typing import Final

import msgspec

from sidecar.contract.decoding import UNREADABLE
from sidecar.contract.errors import CallerError
from sidecar.contract.signing import Certified
from webhook.journal.events import AuditEvent
from webhook.ledger.keys import KeyRing, LedgerKey
from webhook.ledger.manifest import Manifest
from webhook.ledger.removal import Removal

MAX_ENTRY_BYTES: Final = 1 << 20
PREFIX: Final = "chaperone.dev/ledger/"
_BILLION: Final = 1_000_000_000


class EntryError(CallerError):
    """Bytes that are no entry of this version."""


class Start(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ledger begins (PCI DSS 10.2.1.6). Always the first entry, and never another."""

    at: int
    """Unix nanoseconds."""
    origin: str
    roots: tuple[str, ...]
    """Raw public keys of the roots trusted then, in hexadecimal."""
    software: str


class SigningKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From here on this key may have signed."""

    at: int
    public_key: str
    """Raw, in hexadecimal."""
    certificate: str
    """The root's certificate for it, as :func:`write_certificate` gives it."""


class SignedManifest(msgspec.Struct, frozen=True):
    """A session ended."""

    manifest: Manifest
    note: str
    """The entry's own text, which is a signed note."""


class SignedRemoval(msgspec.Struct, frozen=True):
    """Sessions were removed because their time was over."""

    removal: Removal
    note: str
    """The entry's own text, which is a signed note."""


class Exported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A checkpoint was signed and given out."""

    at: int
    size: int
    sealed_through: int
    """Sessions that had ended, and whose record did not change after this time, are among the entries."""
    checkpoint: str
    """The signed note."""


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many entries are about somebody or some namespace, and which."""

    count: int
    digest: str
    """SHA-256 of their numbers, a decimal line each, in hexadecimal."""


class Census(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom entries ``start`` to ``end - 1`` are about; the next census begins where this one ends.

    So that entries about one person can be shown to be all there are, without showing those about others.
    """

    at: int
    start: int
    end: int
    subjects: dict[str, Counted]
    """By digest; see ``webhook.ledger.census``."""


Value = Start | SigningKey | SignedManifest | SignedRemoval | AuditEvent | Exported | Census


class Entry(msgspec.Struct, frozen=True):
    """An entry to append: once under its key, however often it is tried."""

    key: str
    data: bytes


START_KEY: Final = "start"
KINDS: Final = {
    "start": Start,
    "key": SigningKey,
    "manifest": Manifest,
    "event": AuditEvent,
    "checkpoint": Exported,
    "census": Census,
    "removal": Removal,
}
"""Kind of entry, as in keys and header lines, and what its JSON is."""
_NAMES: Final[dict[type, str]] = {kind: name for name, kind in KINDS.items()}
_VERSION: Final = "v1"
_encode = msgspec.json.Encoder(order="sorted").encode


def entry_of(value: Start | SigningKey | AuditEvent | Exported | Census) -> Entry:
    """Give the entry of a value that is not signed by itself."""
    return Entry(key_of(value), _text(_NAMES[type(value)], value).encode())


def manifest_entry(manifest: Manifest, key: LedgerKey, origin: str) -> Entry:
    """Give the entry of a manifest, signed."""
    note = key.sign(_text("manifest", manifest), origin)
    return Entry(manifest_key(manifest.session, manifest.number), note.encode())


def manifest_key(session: str, number: int) -> str:
    """Give the key of a session's manifest; most sessions have number 1 alone."""
    return f"manifest/{session}" if number == 1 else f"manifest/{session}/{number}"


def manifest_session(key: str) -> str:
    """Give the session whose manifest has a key; nothing where the key is of another kind."""
    kind, _, rest = key.partition("/")
    return rest.partition("/")[0] if kind == "manifest" else ""


def removal_entry(removal: Removal, key: LedgerKey, origin: str) -> Entry:
    """Give the entry of a removal, signed."""
    note = key.sign(_text("removal", removal), origin)
    return Entry(f"removal/{removal.name}", note.encode())


def key_of(value: Value) -> str:
    """Give an entry's key: its kind, and what there is one of."""
    match value:
        case Start():
            key = START_KEY
        case SigningKey(public_key=public_key):
            key = f"key/{public_key}"
        case SignedManifest(manifest=manifest):
            key = manifest_key(manifest.session, manifest.number)
        case SignedRemoval(removal=removal):
            key = f"removal/{removal.name}"
        case AuditEvent(id=name):
            key = f"event/{name}"
        case Exported(size=size):
            key = f"checkpoint/{size}"
        case Census(start=start):
            key = f"census/{start}"
    return key


def kind_of(key: str) -> str:
    """Give the kind of the entry with a key."""
    return key.partition("/")[0]


def read_entry(data: bytes) -> Value:
    """Read an entry's bytes. Signatures are not judged; see :func:`check_manifest`. Raises EntryError."""
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryError(f"an entry is at most {MAX_ENTRY_BYTES} bytes")
    header, _, rest = data.partition(b"\n")
    line, _, signatures = rest.partition(b"\n")
    kind = next((kind for kind in KINDS if header == _header(kind).encode()), None)
    if kind is None:
        raise EntryError("it is of no kind or version that is known here")
    try:
        value = msgspec.json.decode(line, type=KINDS[kind])
    except UNREADABLE:
        raise EntryError(f"its content is no {kind}") from None
    if _text(kind, value).encode() != data[: len(data) - len(signatures)]:
        raise EntryError("its content is not in the one form that it has")
    if isinstance(value, Manifest):
        return SignedManifest(value, _note(data))
    if isinstance(value, Removal):
        return SignedRemoval(value, _note(data))
    if signatures:
        raise EntryError("something follows its content")
    return value


def check_manifest(signed: SignedManifest, ring: KeyRing) -> None:
    """Raise NoteError unless a key of the ledger has signed a manifest in its time."""
    ring.open(signed.note, at=signed.manifest.sealed_at // _BILLION)


def check_removal(signed: SignedRemoval, ring: KeyRing) -> None:
    """Raise NoteError unless a key of the ledger has signed a removal in its time."""
    ring.open(signed.note, at=signed.removal.at // _BILLION)


def write_certificate(certified: Certified) -> str:
    """Give a key's certificate as text: base64 of MessagePack."""
    return base64.b64encode(msgspec.msgpack.encode(certified)).decode()


def read_certificate(text: str) -> Certified:
    """Read what :func:`write_certificate` gave. Raises EntryError."""
    try:
        return msgspec.msgpack.decode(base64.b64decode(text, validate=True), type=Certified)
    except (binascii.Error, ValueError, *UNREADABLE):
        raise EntryError("the certificate of a ledger key cannot be read") from None


def _note(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise EntryError("its signature is not UTF-8") from None


def _header(kind: str) -> str:
    return f"{PREFIX}{kind}/{_VERSION}"


def _text(kind: str, value: msgspec.Struct) -> str:
    return f"{_header(kind)}\n{_encode(value).decode()}\n"
