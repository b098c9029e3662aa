"""Selectors as kubectl writes them."""

import pytest
from store_samples import make_record

from sidecar.contract.sealing import Identity
from webhook.audit_api.conversion import session_object
from webhook.audit_api.errors import ApiError
from webhook.audit_api.selectors import parse_selectors

SESSION = session_object(make_record(0, pod="api-7d9c", container="app"))


@pytest.mark.parametrize(
    ("labels", "matches"),
    [
        ("", True),
        ("chaperone.dev/pod", True),
        ("!chaperone.dev/pod", False),
        ("chaperone.dev/pod=api-7d9c", True),
        ("chaperone.dev/pod==api-7d9c,chaperone.dev/container=app", True),
        ("chaperone.dev/pod = api-7d9c , chaperone.dev/container != app", False),
        ("other!=x", True),
        ("other", False),
        ("chaperone.dev/pod in (a,api-7d9c),chaperone.dev/container notin (b, c)", True),
        ("chaperone.dev/pod notin (api-7d9c)", False),
    ],
)
def test_label_selectors(labels: str, matches: bool) -> None:
    assert parse_selectors("", labels).match(SESSION) is matches


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ("spec.user=agent", True),
        ("spec.user!=agent", False),
        ("spec.user=agent,spec.pod==api-7d9c", True),
        pytest.param(f"metadata.name={SESSION.metadata.name}", True, id="its own name"),
        ("status.phase=Completed", False),
    ],
)
def test_field_selectors(fields: str, matches: bool) -> None:
    assert parse_selectors(fields, "").match(SESSION) is matches


def test_values_may_hold_escaped_separators() -> None:
    odd = session_object(make_record(0, identity=Identity("a,b=c\\d")))
    assert parse_selectors(r"spec.user=a\,b\=c\\d", "").match(odd)
    assert parse_selectors(r"spec.user=a\,b\=c\\d", "").exactly("spec.user") == "a,b=c\\d"


@pytest.mark.parametrize("text", ["spec.node=a", "metadata.labels=x", "nonsense", "=a"])
def test_fields_that_are_none_are_named(text: str) -> None:
    with pytest.raises(ApiError):
        parse_selectors(text, "")


@pytest.mark.parametrize("text", ["a=b c", "a in (b", "a in b", ",a", "a,,b", "=", "a=(b)"])
def test_labels_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ApiError, match="cannot be read"):
        parse_selectors("", text)


def test_a_label_too_long_for_kubernetes_is_left_out() -> None:
    session = session_object(make_record(0, pod="p" * 64, container="app"))
    assert session.metadata.labels == {"chaperone.dev/container": "app"}
