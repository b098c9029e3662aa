"""What becomes of sessions of which some cannot be recorded, at whatever door they are asked for.

Policies decide as at any door. Where nothing would record a session and no rule says that it may go
unrecorded, the built-in policy denies it (``webhook.policy.builtin``). An approval is used up in the answer,
for no recorder says later that it began.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from sidecar.contract.names import MAIN_PROCESS_ANNOTATION
from webhook.admission.approving import Approving
from webhook.admission.debug_shim import Unfit
from webhook.admission.denials import deny, refused_by_policy
from webhook.admission.review import Answer, Noted, Request
from webhook.approvals.subjects import Subject
from webhook.policy.builtin import NAME as BUILTIN
from webhook.policy.decision import Action, Decision, Door, Policy, Question
from webhook.policy.demands import strictest


async def judge_unrecorded(
    asked: str,
    request: Request,
    questions: Sequence[Question],
    subject: Subject,
    noted: Noted,
    *,
    policy: Policy,
    approving: Approving,
    unfit: Unfit | None = None,
) -> Answer:
    """Give the answer to a session: of what policies say to the questions, the strictest.

    The first question is what an approval is asked for; ``unfit`` says why nothing would record it. Raises
    ClusterError.
    """
    decision = strictest([policy.decide(question) for question in questions])
    if decision.action is Action.APPROVE:
        passed = await approving.ask(asked, request, questions[0], decision, subject)
        if isinstance(passed, Answer):
            return replace(passed, noted=replace(noted, session=""))
        return Answer(decision=passed.decision, noted=replace(noted, approval=passed.approval))
    if decision.action.refuses:
        return replace(_refusal(asked, questions[0], decision, unfit), noted=replace(noted, session=""))
    return Answer(decision=decision, noted=noted)


def _refusal(asked: str, question: Question, decision: Decision, unfit: Unfit | None) -> Answer:
    if decision.policy != BUILTIN:
        return refused_by_policy(asked, decision)
    why = f"{decision.reason}: {unfit.why}" if unfit else decision.reason
    remedy = (f"{unfit.remedy}. Or " if unfit else "") + (
        f"use kubectl exec, which is recorded: kubectl exec -it {question.name} -n {question.namespace}"
        f" -- COMMAND. {_otherwise(question.door)}ask the owners of policies for a rule about door"
        f" {question.door.value} that says session: {{recording: none}}"
    )
    answer = deny(asked, why=why, remedy=remedy, rule="NotRecorded")
    return replace(answer, decision=decision)


def _otherwise(door: Door) -> str:
    """Give what else can be done, up to the last resort."""
    if door is not Door.ATTACH:
        return "Where that does not do, "
    return (
        "What is typed to a container's own program is recorded where its pod was made with annotation"
        f" {MAIN_PROCESS_ANNOTATION} and the container has stdin: true (kubectl run -it"
        f" --annotations={MAIN_PROCESS_ANNOTATION}=true NAME --image=IMAGE --command -- COMMAND)."
        " Where that does not do, "
    )
