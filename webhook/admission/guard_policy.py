"""The door of GuardPolicy objects: one that does not hold is refused, so that the last good one stays."""

import asyncio

from sidecar.contract.errors import ConfigurationError
from webhook.admission.denials import deny
from webhook.admission.review import Answer, Request
from webhook.policy.active import check_object

_SECONDS = 8.0
"""Less than the API server waits."""
_LONGEST_WARNING = 255
_MOST_WARNINGS = 8


class GuardPolicyDoor:
    """Judges CREATE and UPDATE ``guardpolicies``."""

    async def review(self, request: Request) -> Answer:
        """Let a policy in that compiles and keeps its cases. Compiling is done in a thread."""
        asked = f"GuardPolicy {request.name or '(unnamed)'}"
        try:
            remarks = await asyncio.wait_for(asyncio.to_thread(check_object, request.object), _SECONDS)
        except ConfigurationError as error:
            remedy = "correct it, and try it with chaperone policy lint FILE; what is in force stays"
            return deny(asked, why=str(error), remedy=remedy, rule="BrokenPolicy", field="spec")
        except TimeoutError:
            why = f"it takes longer than {_SECONDS:.0f} s to compile"
            return deny(
                asked, why=why, remedy="make its expressions simpler", rule="BrokenPolicy", field="spec"
            )
        return Answer(warnings=tuple(remark[:_LONGEST_WARNING] for remark in remarks[:_MOST_WARNINGS]))
