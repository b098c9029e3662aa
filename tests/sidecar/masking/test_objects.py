"""Objects under admission: paths of what holds card data, never the data."""

from __future__ import annotations

import base64

import pytest

from sidecar.masking import Engine, FieldFinding, Profile, scan_object

NUMBER = "4111111111111111"


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(Profile.STRICT)


def test_names_the_paths(engine: Engine) -> None:
    document = {
        "kind": "ConfigMap",
        "data": {"a/b": f"card {NUMBER}", "plain": "nothing"},
        "list": [1, True, None, {"n": 4111111111111111}, "cvv=123"],
    }
    assert scan_object(engine, document) == [
        FieldFinding("/data/a~1b", "pan", "visa"),
        FieldFinding("/list/3/n", "pan", "visa"),
        FieldFinding("/list/4", "cvv", ""),
    ]


def test_decodes_the_data_of_secrets(engine: Engine) -> None:
    encoded = base64.b64encode(f"x={NUMBER}".encode()).decode()
    assert scan_object(engine, {"kind": "Secret", "data": {"k": encoded}}) == [
        FieldFinding("/data/k", "pan", "visa")
    ]
    assert scan_object(engine, {"kind": "ConfigMap", "data": {"k": encoded}}) == []
    assert scan_object(engine, {"kind": "Secret", "data": {"k": "not base64!"}}) == []


def test_looks_at_keys(engine: Engine) -> None:
    assert scan_object(engine, {"data": {NUMBER: "x"}}) == [FieldFinding("/data", "pan", "visa")]


def test_holds_no_number(engine: Engine) -> None:
    assert NUMBER not in repr(scan_object(engine, {"a": NUMBER}))
