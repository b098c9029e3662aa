"""Puts debug containers under the shim, before they are judged: UPDATE ``pods/ephemeralcontainers``.

Judges nothing: other webhooks may still change them (``ephemeral.py`` looks at what came out). A grant made
here is of use to nobody unless the container is added. One that cannot be recorded is left as it is.
"""

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from sidecar.contract.errors import ClusterError
from sidecar.contract.grants import GrantError
from webhook.admission import debug_shim
from webhook.admission.debugging import Added, Debugging, bare_question, questions_about, read_debugging
from webhook.admission.denials import deny, unavailable
from webhook.admission.grants import Granter
from webhook.admission.image_programs import filled_by, program_of
from webhook.admission.lookup import ImageLookup, NamespaceLookup
from webhook.admission.review import Answer, PatchOperation, Request
from webhook.policy.decision import Policy, Question
from webhook.policy.merging import together


class DebugInjectionDoor:
    """Has the commands of debug containers run under the shim."""

    def __init__(
        self, *, namespaces: NamespaceLookup, policy: Policy, granter: Granter, images: ImageLookup
    ) -> None:
        self._namespaces = namespaces
        self._images = images
        self._policy = policy
        self._granter = granter

    async def review(self, request: Request) -> Answer:
        """Give what puts what is added under the shim. Raises MalformedReviewError."""
        found = read_debugging(request.old_object, request.object)
        if not found.added:
            return Answer()
        asked = f"debug container in pod {request.namespace}/{request.name}"
        try:
            roots = self._granter.trusted_roots()
            if debug_shim.unfit_pod(found.pod, request.namespace, roots) is not None:
                return Answer()
            labels = await self._namespaces.labels(request.namespace)
            question = bare_question(request, at=self._granter.now(), namespace_labels=labels)
            known = await asyncio.gather(*(self._known(found, one, request.namespace) for one in found.added))
            fit = [
                one
                for one in known
                if debug_shim.unfit(found.pod, one.container, request.namespace, roots) is None
            ]
            return Answer(
                patch=tuple(step for one in fit for step in self._steps(found, one, question, request))
            )
        except GrantError as error:
            remedy = "ask for fewer groups and claims in identities, and fewer rules for sessions"
            return deny(asked, why=str(error), remedy=remedy, rule="GrantTooLarge")
        except ClusterError as error:
            return unavailable(asked, why=str(error))

    async def _known(self, found: Debugging, one: Added, namespace: str) -> Added:
        """Give a container without a command with what its image starts, where that is known."""
        if one.container.command:
            return one
        program = await program_of(one.container, found.pod, namespace, self._images)
        if isinstance(program, str):
            return one
        return replace(
            one,
            container=filled_by(one.container, program),
            as_it_is=filled_by(one.as_it_is, program),
            told=True,
        )

    def _steps(
        self, found: Debugging, one: Added, question: Question, request: Request
    ) -> Iterable[PatchOperation]:
        questions = [replace(asked, is_recorded=True) for asked in questions_about(found, one, question)]
        grant = self._granter.grant(
            questions[0],
            together([self._policy.decide(asked) for asked in questions]),
            session=self._granter.new_session(),
            pod_uid=found.pod.metadata.uid,
            request_uid=request.uid,
            seconds=debug_shim.LIFETIME_SECONDS,
        )
        return debug_shim.steps(one.index, one.as_it_is, grant, told=one.told)
