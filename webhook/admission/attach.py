"""The attach door: CONNECT ``pods/attach`` joins a process that is not under the shim, so it is closed."""

from webhook.admission.denials import deny
from webhook.admission.review import Answer, Request


class AttachDoor:
    """Refuses every attach."""

    async def review(self, request: Request) -> Answer:
        """Give the refusal."""
        return deny(
            f"attach to pod {request.namespace}/{request.name}",
            why="this version of Chaperone does not record attach, and nothing is let through unrecorded",
            remedy=f"use kubectl exec, which is recorded: kubectl exec -it {request.name}"
            f" -n {request.namespace} -- COMMAND",
            rule="AttachIsClosed",
        )
