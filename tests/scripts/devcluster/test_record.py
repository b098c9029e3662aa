from pathlib import Path

import pytest
from devcluster.errors import ClusterToolError
from devcluster.record import Backend, Record, parse_record, read_record, write_record


@pytest.mark.parametrize("backend", list(Backend))
def test_a_record_is_read_as_it_was_written(backend: Backend, tmp_path: Path) -> None:
    record = Record(backend, "1.37.2", 17)
    write_record(tmp_path / "dev", record)
    assert read_record(tmp_path / "dev") == record


def test_no_record_means_no_cluster(tmp_path: Path) -> None:
    assert read_record(tmp_path / "dev") is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"backend": "cloud", "version": "", "subnet": 0}'])
def test_a_damaged_record_says_what_to_do(text: str) -> None:
    with pytest.raises(ClusterToolError, match="scripts/cluster down"):
        parse_record(text)
