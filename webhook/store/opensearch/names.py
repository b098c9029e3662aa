"""Names of indices and document ids. No I/O.

A session's id begins with its time, so its month, and with it the index of its record and passages,
follows from the id: a document sent twice meets itself in whatever month it is sent again.
"""

import hashlib
from datetime import UTC, datetime, timedelta

from sidecar.contract.identifiers import is_session_id
from webhook.store.contract import Passage, PodNotice, StoreError

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARACTERS = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Names:
    """All names that start with one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.events = f"{prefix}-events"
        """A data stream."""
        self.notices = f"{prefix}-notices"
        self.audit = f"{prefix}-audit"
        """A data stream."""
        self.ledger = f"{prefix}-ledger"
        self.all_sessions = f"{prefix}-sessions-*"
        self.all_passages = f"{prefix}-passages-*"

    def sessions(self, session: str) -> str:
        """The index of a session's record. Raises StoreError when the text is not a session id."""
        return f"{self.prefix}-sessions-{_month(session)}"

    def passages(self, session: str) -> str:
        """The index of a session's command line and passages. Raises StoreError as ``sessions`` does."""
        return f"{self.prefix}-passages-{_month(session)}"


def frame_id(session: str, sequence: int) -> str:
    """Give a frame's document id."""
    return f"{session}-{sequence}"


def passage_id(passage: Passage) -> str:
    """Give a passage's document id: equal passages have the same."""
    channel = "" if passage.channel is None else passage.channel.value
    place = f"{passage.sequence}\0{passage.at}\0{channel}\0"
    return f"{passage.session}-{hashlib.sha256(place.encode() + passage.text.encode()).hexdigest()[:32]}"


def notice_id(notice: PodNotice) -> str:
    """Give a notice's document id: of one pod, the same notice has the same."""
    return hashlib.sha256(f"{notice.pod_uid}\0{notice.notice.id}".encode()).hexdigest()


def _month(session: str) -> str:
    if not is_session_id(session):
        raise StoreError("the store was asked for a session by something that is no session id")
    milliseconds = 0
    for character in session[:_TIME_CHARACTERS]:
        milliseconds = milliseconds << 5 | _ALPHABET.index(character)
    try:
        return f"{_EPOCH + timedelta(milliseconds=milliseconds):%Y.%m}"
    except OverflowError:
        raise StoreError(f"session {session}: its id is from no time that can be kept") from None
