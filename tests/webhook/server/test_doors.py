"""The doors behind HTTP."""

import json
import logging
from typing import Any

import pytest
from httpish import Asgi
from policy_samples import BUILTIN
from reviews import body, exec_door, injected, object_door, plain_pod

from sidecar.masking import Engine, Profile
from webhook.admission.audit_mode import AuditMode
from webhook.admission.review import Answer, Request
from webhook.server.doors import doors_app
from webhook.server.logs import JsonFormatter

pytestmark = pytest.mark.anyio
MASKS = Engine.load(Profile.STRICT).masks()


async def test_a_review_gets_a_review() -> None:
    app = Asgi(doors_app({"exec": exec_door(await injected(plain_pod()))}, lambda: None))
    status, answer = await app.post(
        "/v1/exec", body({"command": ["sh"]}, operation="CONNECT", subresource="exec")
    )
    assert status == 200
    assert json.loads(answer)["response"]["allowed"] is True


async def test_what_is_malformed_gets_a_400_and_no_review() -> None:
    app = Asgi(doors_app({"exec": exec_door()}, lambda: None))
    for data in (b"", b"{}", body([], operation="CONNECT")):
        status, answer = await app.post("/v1/exec", data)
        assert status == 400
        assert b"allowed" not in answer


SECRET: dict[str, Any] = {
    "kind": {"group": "", "version": "v1", "kind": "Secret"},
    "resource": {"group": "", "version": "v1", "resource": "secrets"},
}


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("exec", body({"command": "4111111111111111"}, operation="CONNECT", subresource="exec", uid="u-1")),
        ("objects", body(["4111111111111111"], operation="CREATE", uid="u-1", **SECRET)),
    ],
)
async def test_an_object_that_a_door_cannot_read_gets_a_refusal(name: str, sent: bytes) -> None:
    """A webhook that fails open would take an error of HTTP for a yes."""
    doors = {"exec": exec_door(await injected(plain_pod())), "objects": object_door()}
    status, answer = await Asgi(doors_app(doors, lambda: None)).post(f"/v1/{name}", sent)
    response = json.loads(answer)["response"]
    assert (status, response["uid"], response["allowed"]) == (200, "u-1", False)
    assert (response["status"]["code"], response["status"]["reason"]) == (400, "BadRequest")
    assert "object is not of the expected type" in response["status"]["message"]
    assert response["status"]["details"]["causes"][0]["reason"] == "Unreadable"
    assert b"4111" not in answer


class Bottomless:
    """A door that looks at an object deeper than it can."""

    async def review(self, request: Request) -> Answer:
        return await self.review(request)


async def test_what_is_nested_too_deeply_to_be_looked_at_gets_a_refusal() -> None:
    """An object can be so deep that it is decoded, and not walked through; HTTP's 500 may count as a yes."""
    sent = body({"metadata": {"name": "db"}}, operation="CREATE", name="db", **SECRET)
    status, answer = await Asgi(doors_app({"objects": Bottomless()}, lambda: None)).post("/v1/objects", sent)
    response = json.loads(answer)["response"]
    assert (status, response["allowed"], response["status"]["code"]) == (200, False, 400)
    assert "nested too deeply" in response["status"]["message"]
    audited = AuditMode(Bottomless(), BUILTIN)
    _, answer = await Asgi(doors_app({"objects": audited}, lambda: None)).post("/v1/objects", sent)
    assert json.loads(answer)["response"]["allowed"] is True


async def test_a_body_without_end_is_cut_off() -> None:
    app = Asgi(doors_app({"exec": exec_door()}, lambda: None))
    status, answer = await app.post("/v1/exec", b" " * (9 * 1024 * 1024))
    assert (status, answer) == (400, b"the body is larger than any AdmissionReview")


async def test_reviews_are_posted_and_nothing_else_is_there() -> None:
    app = Asgi(doors_app({"exec": exec_door()}, lambda: None))
    assert (await app.get("/v1/exec"))[0] == 405
    assert (await app.post("/v1/attach", b"{}"))[0] == 404


async def test_health_and_readiness_are_two_things() -> None:
    app = Asgi(doors_app({}, lambda: "no keys yet"))
    assert await app.get("/healthz") == (200, b"ok")
    assert await app.get("/readyz") == (503, b"no keys yet")
    assert await Asgi(doors_app({}, lambda: None)).get("/readyz") == (200, b"ok")


async def test_the_log_tells_who_and_what_but_not_the_command(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    app = Asgi(doors_app({"exec": exec_door()}, lambda: None))
    asked = {"command": ["pay", "4111111111111111"]}
    await app.post("/v1/exec", body(asked, operation="CONNECT", subresource="exec"))
    lines = [json.loads(JsonFormatter(MASKS).format(record)) for record in caplog.records]
    [line] = [line for line in lines if line["message"] == "review"]
    assert (line["user"], line["allowed"], line["rules"]) == ("alice", False, ["NotFound"])
    assert not any("4111" in json.dumps(line) for line in lines)


async def test_somebody_of_whom_too_much_is_said_gets_a_refusal_at_every_door() -> None:
    """A webhook that fails open would take an error of HTTP for a yes."""
    doors = {"exec": exec_door(await injected(plain_pod())), "objects": object_door()}
    who = {"username": "alice", "extra": {f"k{n}": ["4111111111111111"] for n in range(10_000)}, "excess": ""}
    sent = {
        "exec": body({"command": ["sh"]}, operation="CONNECT", subresource="exec", userInfo=who),
        "objects": body({"metadata": {"name": "db"}}, operation="CREATE", userInfo=who, **SECRET),
    }
    for name, data in sent.items():
        status, answer = await Asgi(doors_app(doors, lambda: None)).post(f"/v1/{name}", data)
        response = json.loads(answer)["response"]
        assert (status, response["allowed"], response["status"]["code"]) == (200, False, 403)
        reasons = [cause["reason"] for cause in response["status"]["details"]["causes"]]
        assert reasons == ["ExcessiveIdentity", "Remedy"]
        assert "have your identity provider name fewer groups" in response["status"]["message"].lower()
        assert "4111" not in response["status"]["message"]
