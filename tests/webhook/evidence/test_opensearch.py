"""A day in a real OpenSearch is counted and proven as the same day in SQLite is."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from evidence_bundles import bundle, check, selected
from evidence_desk import EvidenceDesk, day

from webhook.ledger.census import user_digest
from webhook.ledger.entries import Census
from webhook.store import OpenSearchSettings, open_store

pytestmark = pytest.mark.opensearch


@pytest.fixture
def searched(opensearch_settings: OpenSearchSettings, tmp_path: Path) -> Iterator[EvidenceDesk]:
    desk = EvidenceDesk(tmp_path / "unused", open_store(opensearch_settings))
    day(desk)
    yield desk
    desk.store.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[EvidenceDesk]:
    desk = EvidenceDesk(tmp_path / "store.db")
    day(desk)
    yield desk
    desk.store.close()


def test_a_census_and_a_bundle_of_opensearch_say_what_those_of_sqlite_say(
    searched: EvidenceDesk, embedded: EvidenceDesk
) -> None:
    found = check(bundle(searched))
    assert found == check(bundle(embedded))
    assert "collector's counts of entries" in found.counted
    censuses = [[one for one in each.values() if isinstance(one, Census)] for each in (searched, embedded)]
    assert censuses[0] == censuses[1]
    assert any(user_digest("agent") in census.subjects for census in censuses[0])


def test_a_bundle_of_opensearch_is_the_same_again(searched: EvidenceDesk) -> None:
    selection = selected(namespace="payments")
    assert bundle(searched, selection) == bundle(searched, selection)
