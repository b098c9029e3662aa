"""The ephemeral container door: ``pods/ephemeralcontainers`` (kubectl debug) is closed."""

from webhook.admission.denials import deny
from webhook.admission.review import Answer, Request


class EphemeralDoor:
    """Refuses every change of a pod's ephemeral containers."""

    async def review(self, request: Request) -> Answer:
        """Give the refusal."""
        return deny(
            f"debug container in pod {request.namespace}/{request.name}",
            why="this version of Chaperone does not record debug containers, and nothing is let through"
            " unrecorded",
            remedy=f"use kubectl exec, which is recorded: kubectl exec -it {request.name}"
            f" -n {request.namespace} -- COMMAND",
            rule="EphemeralContainersAreClosed",
        )
