"""Who asks may hold card data: it is judged as it is, and written down nowhere."""

import base64
import json
import logging
from typing import Any

import msgspec
import pytest
from approvals import MemoryJournal, MemoryTickets, approving
from audit_event_samples import make_maker
from httpish import Asgi
from policy_samples import policies, policy, rule
from reviews import KEYS, body, exec_door, injected, plain_pod

from sidecar.contract.grants import verify_grant
from sidecar.contract.sealing import unseal
from sidecar.masking import Engine, Profile
from webhook.journal.masked import MaskedJournal
from webhook.server.doors import doors_app
from webhook.server.logs import JsonFormatter
from webhook.server.noting import AnswerNotes

pytestmark = pytest.mark.anyio
PAN = "4111111111111111"
MASKED = "411111******1111"
MASKS = Engine.load(Profile.STRICT).masks()
USER: dict[str, Any] = {
    "username": f"order-{PAN}",
    "uid": PAN,
    "groups": ["agents", f"card {PAN}"],
    "extra": {"note": [f"cvv=123 {PAN}"], PAN: ["x"], "task": ["T-1"]},
}
SHOWN: dict[str, Any] = {
    "username": f"order-{MASKED}",
    "uid": MASKED,
    "groups": ["agents", f"card {MASKED}"],
    "extra": {"note": [f"cvv=*** {MASKED}"], MASKED: ["x"], "task": ["T-1"]},
}
ASK = policies(policy(rule("approve", match={"doors": ["exec"], "users": [USER["username"]], "tty": True})))


async def test_it_is_in_no_event_ticket_record_or_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    kept, tickets = MemoryJournal(), MemoryTickets()
    journal = MaskedJournal(kept, MASKS)
    notes = AnswerNotes(journal, make_maker(), audit_mode=False)
    asking = approving(tickets, journal=journal)
    doors = {"exec": exec_door(await injected(plain_pod()), policy=ASK, asking=asking)}
    app = Asgi(doors_app(doors, lambda: None, notes=notes))

    async def ask(**options: Any) -> Any:
        sent = body({"command": ["sh"], **options}, operation="CONNECT", subresource="exec", userInfo=USER)
        return json.loads((await app.post("/v1/exec", sent))[1])["response"]

    waits, passed = await ask(tty=True), await ask()
    assert (waits["allowed"], passed["allowed"]) == (False, True)
    token = json.loads(base64.b64decode(passed["patch"]))[0]["value"][1]
    grant = verify_grant(token.encode(), roots=KEYS.roots, now=None)
    identity = unseal((KEYS.seal_key,), grant.session, grant.sealed).identity
    assert json.loads(msgspec.json.encode(identity)) == SHOWN
    [ticket] = tickets.kept.values()
    assert ticket.spec.requester.username == SHOWN["username"]
    assert [event.actor for event in kept.events] == [identity] * 3
    formatter = JsonFormatter(MASKS)
    lines = [formatter.format(record) for record in caplog.records]
    assert any(SHOWN["username"] in line for line in lines)
    for written in (msgspec.json.encode(ticket), msgspec.json.encode(kept.events), "".join(lines).encode()):
        assert PAN.encode() not in written
