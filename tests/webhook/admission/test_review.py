"""AdmissionReviews on the wire."""

import json

import pytest
from reviews import body

from webhook.admission import review
from webhook.admission.review import (
    Answer,
    Cause,
    Denial,
    MalformedReviewError,
    Operation,
    PatchOperation,
    RemoveOperation,
)


def test_reads_what_is_used_and_ignores_the_rest() -> None:
    request = review.decode_review(body({"a": 1}, operation="CONNECT", subresource="exec", surprise=[1]))
    assert request.operation is Operation.CONNECT
    assert (request.namespace, request.name, request.sub_resource) == ("payments", "web", "exec")
    identity = request.user_info.identity()
    assert (identity.username, identity.groups) == ("alice", ("agents",))
    assert identity.extra == {"iss": ("https://idp",)}


def test_an_identity_may_have_no_groups_and_no_extra() -> None:
    request = review.decode_review(body({}, operation="CONNECT", userInfo={"username": "x", "groups": None}))
    assert request.user_info.identity().groups == ()


GOOD = json.loads(body({}, operation="CONNECT"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b'{"a":' * 100_000,
        b"[" * 100_000,
        json.dumps({**GOOD, "apiVersion": "admission.k8s.io/v1beta1"}).encode(),
        json.dumps({**GOOD, "kind": "Pod"}).encode(),
        json.dumps({**GOOD, "request": None}).encode(),
        body({}, operation="CONNECT", userInfo={"username": "x", "groups": ["g" * 100] * 3000}),
        body({}, operation="CONNECT", userInfo={"username": "x", "extra": {"k": ["v" * 300_000]}}),
        json.dumps({**GOOD, "request": {**GOOD["request"], "uid": ""}}).encode(),
        json.dumps({**GOOD, "request": {**GOOD["request"], "uid": 7}}).encode(),
        json.dumps({**GOOD, "request": {**GOOD["request"], "operation": "BREW"}}).encode(),
        b" " * (review.MAX_REVIEW_BYTES + 1),
    ],
)
def test_refuses_what_is_no_review(data: bytes) -> None:
    with pytest.raises(MalformedReviewError):
        review.decode_review(data)


def test_a_denial_speaks_to_people_and_machines() -> None:
    denial = Denial("no: because. Do that.", (Cause("Rule", "because", "spec.x"), Cause("Remedy", "do that")))
    answer = json.loads(review.encode_answer("7", Answer(denial)))
    assert answer["kind"] == "AdmissionReview"
    assert answer["response"] == {
        "uid": "7",
        "allowed": False,
        "status": {
            "status": "Failure",
            "code": 403,
            "reason": "Forbidden",
            "message": "no: because. Do that.",
            "details": {
                "causes": [
                    {"reason": "Rule", "message": "because", "field": "spec.x"},
                    {"reason": "Remedy", "message": "do that", "field": ""},
                ]
            },
        },
    }


def test_an_allowance_without_a_change_has_no_patch() -> None:
    assert json.loads(review.encode_answer("7", Answer()))["response"] == {"uid": "7", "allowed": True}


def test_a_patch_is_base64_of_json_patch() -> None:
    answer = Answer(patch=(PatchOperation("add", "/a", 1), RemoveOperation("/b")))
    response = json.loads(review.encode_answer("7", answer))["response"]
    assert response["patchType"] == "JSONPatch"
    assert response["patch"]
