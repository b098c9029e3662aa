"""One day's record, and bundles of it, made once."""

from collections.abc import Iterator

import pytest
from evidence_bundles import bundle
from evidence_desk import EvidenceDesk, day

from webhook.store.contract import SessionRecord


@pytest.fixture(scope="package")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvidenceDesk]:
    opened = EvidenceDesk(tmp_path_factory.mktemp("evidence") / "store.db")
    yield opened
    opened.store.close()


@pytest.fixture(scope="package")
def sessions(desk: EvidenceDesk) -> dict[str, SessionRecord]:
    """The day's sessions, by a name."""
    return day(desk)


@pytest.fixture(scope="package")
def whole(desk: EvidenceDesk, sessions: dict[str, SessionRecord]) -> bytes:
    """A bundle of everything the agent did; nobody changes it."""
    assert sessions
    return bundle(desk)
