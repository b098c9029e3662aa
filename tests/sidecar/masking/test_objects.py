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
        "list": [
            1,
            True,
            None,
            {"n": 4111111111111111},
            "cvv=123",
            {"n": 4111111111111111.0},
            0.4111111111111111,
        ],
    }
    assert scan_object(engine, document) == [
        FieldFinding("/data/a~1b", "pan", "visa"),
        FieldFinding("/list/3/n", "pan", "visa"),
        FieldFinding("/list/4", "cvv", ""),
        FieldFinding("/list/5/n", "pan", "visa"),
    ]


def test_decodes_the_data_of_secrets(engine: Engine) -> None:
    encoded = base64.b64encode(f"x={NUMBER}".encode()).decode()
    assert scan_object(engine, {"kind": "Secret", "data": {"k": encoded}}) == [
        FieldFinding("/data/k", "pan", "visa")
    ]
    broken = encoded[:8] + "\r\n" + encoded[8:] + "\n"
    assert scan_object(engine, {"kind": "Secret", "data": {"k": broken}}) == [
        FieldFinding("/data/k", "pan", "visa")
    ]
    assert scan_object(engine, {"kind": "ConfigMap", "data": {"k": encoded}}) == []
    assert scan_object(engine, {"kind": "Secret", "data": {"k": "not base64!"}}) == []


def test_looks_at_keys(engine: Engine) -> None:
    assert scan_object(engine, {"data": {NUMBER: "x"}}) == [FieldFinding("/data", "pan", "visa")]


def test_holds_no_number(engine: Engine) -> None:
    assert NUMBER not in repr(scan_object(engine, {"a": NUMBER}))


@pytest.mark.parametrize(
    ("document", "path", "rule"),
    [
        ({"kind": "ConfigMap", "data": {"cvv": "913"}}, "/data/cvv", "cvv"),
        ({"kind": "ConfigMap", "data": {"CARD_CVV": "913"}}, "/data/CARD_CVV", "cvv"),
        ({"data": {"pin": 4921}}, "/data/pin", "pin"),
        ({"data": {"cvv": ["x", "913"]}}, "/data/cvv/1", "cvv"),
        ({"kind": "Secret", "data": {"cvv": base64.b64encode(b"913").decode()}}, "/data/cvv", "cvv"),
        ({"kind": "Secret", "stringData": {"cvv": "913"}}, "/stringData/cvv", "cvv"),
        ({"env": [{"name": "X", "value": "1"}, {"name": "CVV", "value": "913"}]}, "/env/1/value", "cvv"),
        ({"cvv": {"value": "913"}}, "/cvv/value", "cvv"),
        ({"cvv": {"name": "Code", "value": "7"}, "x": {"value": {"pin": "4921"}}}, "/x/value/pin", "pin"),
    ],
)
def test_a_key_names_a_code(engine: Engine, document: object, path: str, rule: str) -> None:
    assert scan_object(engine, document) == [FieldFinding(path, rule, "")]


@pytest.mark.parametrize(
    "document",
    [
        {"data": {"cvv": "none"}},
        {"data": {"cvv": "91345"}},
        {"data": {"port": "8080", "name": "cvv"}},
        {"cvv": {"a": "913"}},
        {"cvv": True, "pin": None, "x": 1.5},
    ],
)
def test_what_is_no_code(engine: Engine, document: object) -> None:
    assert scan_object(engine, document) == []


def test_any_depth(engine: Engine) -> None:
    document: object = f"card {NUMBER}"
    for _ in range(5000):
        document = {"a": [document]}
    assert scan_object(engine, document) == [FieldFinding("/a/0" * 5000, "pan", "visa")]
