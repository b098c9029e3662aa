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


CARD = "4111111111111111"
WHO: dict[str, tuple[dict[str, object], bool]] = {
    "a thousand groups": ({"groups": [f"team-{chr(97 + n % 26) * 50}" for n in range(1000)]}, True),
    "identifiers": ({"groups": [f"{n:08x}-89ab-4def-0123-0123456789ab" for n in range(1500)]}, True),
    "accounts": ({"groups": [f"arn:aws:iam::{n:012}:role/reader" for n in range(400)]}, True),
    "groups without end": ({"groups": ["g" * 100] * 3000}, False),
    "a claim without end": ({"extra": {"k": ["v" * 300_000]}}, False),
    "a name without end": ({"username": "x" * 300_000}, False),
    "numbers in groups": ({"groups": [CARD] * 1100}, False),
    "numbers in claims": ({"extra": {f"k{n}": [CARD] for n in range(1100)}}, False),
    "numbers in keys": ({"extra": {f"{CARD}{n}": [] for n in range(1100)}}, False),
    "numbers in one": ({"extra": {"k": [f"{CARD} " * 1000]}}, False),
    "codes": ({"groups": ["cvv=123"] * 3000}, False),
}


@pytest.mark.parametrize("who", WHO)
def test_as_much_is_looked_at_of_who_asks_as_anybody_is(who: str) -> None:
    info, passes = WHO[who]
    user = review.decode_review(
        body({}, operation="CONNECT", userInfo={"username": "x", "uid": "u", **info})
    ).user_info
    if passes:
        assert not user.excess
        assert user.identity() == user.known()
        return
    with pytest.raises(review.ExcessiveIdentityError, match="who asks is said in"):
        user.identity()
    known = user.known()
    assert (known.username[:1], known.uid, known.groups, known.extra) == ("x", "u", (), {})
    assert len(known.username) <= 256
