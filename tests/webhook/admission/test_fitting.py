"""Reviews that are for another door, and the doors' own as the chart has the API server send them."""

from typing import Any

import pytest
from reviews import body

from webhook.admission.fitting import FITS, check_fit
from webhook.admission.review import MalformedReviewError, decode_review
from webhook.policy.decision import Operation

POD = {"group": "", "version": "v1", "kind": "Pod"}
POLICY = {"group": "chaperone.dev", "version": "v1alpha1", "kind": "GuardPolicy"}


def fits(door: str, operation: str = "CREATE", sub: str = "", **fields: Any) -> bool:
    try:
        check_fit(door, decode_review(body({}, operation=operation, subresource=sub, **fields)))
    except MalformedReviewError:
        return False
    return True


def test_what_a_door_is_for_fits() -> None:
    assert fits("exec", "CONNECT", "exec")
    assert fits("attach", "CONNECT", "attach")
    assert fits("ephemeralcontainers", "UPDATE", "ephemeralcontainers")
    assert fits("pods")
    policies = {"group": "chaperone.dev", "resource": "guardpolicies"}
    assert fits("guardpolicies", "UPDATE", kind=POLICY, resource=policies)


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("sub", ["", "exec", "attach", "ephemeralcontainers", "status"])
def test_nothing_fits_two_doors_but_what_comes_twice(operation: Operation, sub: str) -> None:
    fitting = {door for door in FITS if fits(door, operation.value, sub)}
    assert len(fitting) <= 1 or fitting in ({"injection", "pods"}, {"debugging", "ephemeralcontainers"})


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": "UPDATE"},
        {"sub": "status"},
        {"kind": POD | {"kind": "Deployment"}},
        {"kind": POD | {"group": "apps"}},
        {"kind": POLICY},
        {"resource": {"group": "apps", "resource": "pods"}},
        {"resource": {"resource": "secrets"}},
        {"resource": {}},
    ],
)
def test_nothing_else_does(fields: dict[str, Any]) -> None:
    assert not fits("pods", **fields)


@pytest.mark.parametrize(
    ("resource", "group", "kind"),
    [
        ("secrets", "", "Secret"),
        ("serviceaccounts", "", "ServiceAccount"),
        ("persistentvolumeclaims", "", "PersistentVolumeClaim"),
        ("deployments", "apps", "Deployment"),
        ("jobs", "batch", "Job"),
    ],
)
def test_objects_are_called_what_they_are(resource: str, group: str, kind: str) -> None:
    asked: dict[str, Any] = {"resource": {"group": group, "version": "v1", "resource": resource}}
    assert fits("objects", kind={"group": group, "version": "v1", "kind": kind}, **asked)
    assert not fits("objects", kind={"group": "example.com", "version": "v1", "kind": kind}, **asked)
    for other in ("", "ConfigMap", kind.lower()):
        assert not fits("objects", kind={"group": group, "version": "v1", "kind": other}, **asked)


def test_a_door_that_is_not_here_looks_for_itself() -> None:
    assert fits("another", "DELETE", "status")


def test_no_resource_of_another_group_goes_by_the_name_of_a_pod() -> None:
    """The objects' door would judge it as the workload that its group says, and the object as a pod."""
    asked: dict[str, Any] = {"resource": {"group": "apps", "version": "v1", "resource": "pods"}}
    assert not fits("objects", "UPDATE", kind=POD, **asked)
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    scaled = {"group": "apps", "version": "v1", "resource": "deployments"}
    assert fits("objects", "UPDATE", "scale", kind=scale, resource=scaled)
