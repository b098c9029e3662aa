"""Signed notes and checkpoints: the published examples, what is refused, and who may sign."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from ledger_samples import SECONDS, Ledger, ledger_key

from sidecar.contract.signing import Certified, KeyCertificate, Purpose, certify
from webhook.ledger.checkpoints import Checkpoint, read_checkpoint
from webhook.ledger.keys import ForeignKeyError, KeyRing, origin_of
from webhook.ledger.notes import NoteError, check, key_id, read_note, sign_note
from webhook.ledger.tree import EMPTY_ROOT

PUBLISHED = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSN"
    "XgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of golang.org/x/mod/sumdb/note, with its key."""
PUBLISHED_KEY = base64.b64decode("ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")[1:]
CHECKPOINT = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
"""The example of c2sp.org/tlog-checkpoint."""
KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw()
KEYS = {key_id("log", PUBLIC): PUBLIC}


def test_the_published_note_verifies() -> None:
    identifier = key_id("PeterNeumann", PUBLISHED_KEY)
    assert identifier.hex() == "c74f20a3"
    note = read_note(PUBLISHED)
    assert check(note, "PeterNeumann", {identifier: PUBLISHED_KEY}) == PUBLISHED_KEY
    with pytest.raises(NoteError, match="does not hold"):
        check(read_note(PUBLISHED.replace("don't", "do")), "PeterNeumann", {identifier: PUBLISHED_KEY})


def test_the_published_checkpoint_is_read() -> None:
    checkpoint = read_checkpoint(CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == CHECKPOINT
    assert read_checkpoint(f"{CHECKPOINT}an extension\n") == checkpoint


@given(
    st.lists(st.text(st.characters(blacklist_categories=["Cc", "Cs"])), max_size=5).map("\n".join),
    st.integers(0, 200),
    st.integers(1, 255),
)
def test_a_note_verifies_as_it_was_signed_and_not_otherwise(text: str, place: int, flip: int) -> None:
    note = sign_note(f"{text}\n", "log", KEY)
    assert read_note(note.encode()).text == f"{text}\n"
    assert check(read_note(note), "log", KEYS) == PUBLIC
    raw = bytearray(note.encode())
    raw[place % len(raw)] ^= flip
    with pytest.raises(NoteError):
        check(read_note(bytes(raw)), "log", KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\nsignature\n",
        "text\n\n\N{EM DASH} log AAAA\n",
        "text\n\n\N{EM DASH} log !!!!\n",
        "text\n\n\N{EM DASH} log\n",
        "text\n\n\N{EM DASH} a+b AAAAAAAA\n",
        "te\x01xt\n\n\N{EM DASH} log AAAAAAAA\n",
        "text\n\n\N{EM DASH} log AAAAAAAA",
        "text\n\n" + "\N{EM DASH} log AAAAAAAA\n" * 101,
        b"\xff\n\n\xe2\x80\x94 log AAAAAAAA\n",
        "x" * (1 << 20) + "\n\n\N{EM DASH} log AAAAAAAA\n",
    ],
)
def test_what_is_no_note_is_refused(text: str | bytes) -> None:
    with pytest.raises(NoteError):
        read_note(text)


def test_signatures_of_others_say_nothing() -> None:
    other = sign_note("text\n", "log", Ed25519PrivateKey.generate())
    with pytest.raises(
        NoteError, match=r"no key that the root has certified for log has signed it \(signed by log\+"
    ):
        check(read_note(other), "log", KEYS)
    both = other + sign_note("text\n", "log", KEY).rpartition("\n\n")[2]
    assert check(read_note(both), "log", KEYS) == PUBLIC
    with pytest.raises(NoteError, match="no key"):
        check(read_note(sign_note("text\n", "gol", KEY)), "log", KEYS)


@pytest.mark.parametrize(
    "text",
    [
        "origin\n1\n",
        "origin\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n999999999999999999\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
        "origin\n1\nAAAA\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        read_checkpoint(text)


def test_only_keys_below_the_root_may_sign() -> None:
    ledger = Ledger()
    ring = KeyRing(ledger.origin, ledger.roots)
    with pytest.raises(NoteError, match="no key that the root has certified"):
        ring.open_checkpoint(ledger.checkpoint)
    ring.add(ledger.key.certificate)
    assert ring.open_checkpoint(ledger.checkpoint).size == 2
    with pytest.raises(ForeignKeyError, match="not certified by this installation's root"):
        ring.add(ledger_key(Ed25519PrivateKey.generate()).certificate)
    grant = certify(ledger.root, KeyCertificate(Purpose.GRANT, PUBLIC, 0, SECONDS))
    with pytest.raises(ForeignKeyError, match="for another purpose"):
        ring.add(grant)
    with pytest.raises(ForeignKeyError, match="cannot be read"):
        ring.add(Certified(b"nonsense", b""))


def test_former_keys_stay_good_for_their_time_and_no_other() -> None:
    ledger = Ledger()
    ring = KeyRing(ledger.origin, ledger.roots)
    old = ledger_key(ledger.root, since=100, until=200)
    for key in (old, ledger.key):
        ring.add(key.certificate)
    note = old.sign("text\n", ledger.origin)
    assert ring.open(note, at=150) == ring.open(note) == "text\n"
    with pytest.raises(NoteError, match="outside the time"):
        ring.open(note, at=201)


def test_a_checkpoint_of_another_ledger_is_refused() -> None:
    ledger = Ledger()
    ring = KeyRing(ledger.origin, ledger.roots)
    ring.add(ledger.key.certificate)
    other = origin_of(bytes(32))
    with pytest.raises(NoteError, match=f"another ledger: {other}"):
        ring.open_checkpoint(ledger.key.sign(Checkpoint(other, 0, EMPTY_ROOT).text, ledger.origin))


def test_a_key_is_never_shown() -> None:
    assert repr(Ledger().key) == "LedgerKey(…)"
