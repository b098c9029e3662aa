"""Refusals: what was asked, why not, what to do. Command lines are not repeated: they may hold card data."""

import re
from typing import Final

import msgspec

from sidecar.contract.errors import CallerError
from webhook.admission.review import Answer, Cause, Denial, ExcessiveIdentityError
from webhook.policy.decision import Action, Decision

_COMMAND_LAST: Final = re.compile(r": (?:kubectl|chaperone) [^;()]*\Z")


def deny(asked: str, *, why: str, remedy: str, rule: str, field: str = "") -> Answer:
    """Give a refusal with 403.

    The text reads ``<asked>: <why>. <remedy>``; machines find why and remedy as causes of reason ``rule``
    and ``Remedy``.
    """
    causes = (Cause(rule, why, field), Cause("Remedy", remedy))
    return Answer(Denial(f"{asked}: {why}. {_sentence(remedy)}", causes))


def refused_by_policy(asked: str, decision: Decision) -> Answer:
    """Give the refusal of what a policy does not let happen, or not without an approval."""
    by = f"rule {decision.rule} of policy {decision.policy}"
    reason = f": {decision.reason}" if decision.reason else ""
    if decision.action is Action.APPROVE:
        why = f"this needs a human's approval, says {by}{reason}"
        remedy = (
            "nobody was asked, because this is a dry run; do it without, and the refusal says how to get"
            " the approval"
        )
        answer = deny(asked, why=why, remedy=remedy, rule="ApprovalNeeded")
    else:
        why = f"it is denied by {by}{reason}"
        remedy = f"do it another way, or ask the owners of policy {decision.policy}"
        answer = deny(asked, why=why, remedy=remedy, rule="DeniedByPolicy")
    return msgspec.structs.replace(answer, decision=decision)


def bad_request(message: str) -> Answer:
    """Give the refusal of a request that the API server itself would refuse with 400."""
    return Answer(Denial(message, (Cause("FieldValueInvalid", message),), code=400, reason="BadRequest"))


def unreadable(error: CallerError | RecursionError) -> Answer:
    """Give the refusal of a request that a door cannot read, or of somebody of whom too much is said.

    A RecursionError tells of an object that is nested so deeply that it could be decoded, but not looked at.
    """
    why = "the object is nested too deeply" if isinstance(error, RecursionError) else str(error)
    if isinstance(error, ExcessiveIdentityError):
        remedy = "have your identity provider name fewer groups and claims, or act as somebody who has fewer"
        return deny("this request", why=why, remedy=remedy, rule="ExcessiveIdentity", field="userInfo")
    remedy = "Nothing is let through that cannot be read; send what the API server's schema says"
    causes = (Cause("Unreadable", why), Cause("Remedy", remedy))
    return Answer(Denial(f"{why}. {remedy}.", causes, code=400, reason="BadRequest"))


def not_found(kind: str, name: str) -> Answer:
    """Give the refusal of a request for something that is not there, in the API server's words."""
    message = f'{kind} "{name}" not found'
    return Answer(Denial(message, (Cause("NotFound", message),), code=404, reason="NotFound"))


def unavailable(asked: str, *, why: str) -> Answer:
    """Give the refusal of a request that cannot be judged now; trying again may help."""
    remedy = "Nothing is let through unrecorded; try again, and tell the cluster's operators if it stays so"
    causes = (Cause("Unavailable", why), Cause("Remedy", remedy))
    return Answer(Denial(f"{asked}: {why}. {remedy}.", causes, code=503, reason="ServiceUnavailable"))


def _sentence(text: str) -> str:
    """Give a sentence; a command at its end stays as it is to be run, without a full stop."""
    return text[0].upper() + text[1:] + ("" if _COMMAND_LAST.search(text) else ".")
