"""What becomes of sessions that this version does not record, at whatever door they are asked for.

Policies decide as at any door. Where no rule says that such a session may go unrecorded, the built-in policy
denies it (``webhook.policy.builtin``). An approval is used up in the answer, for no recorder says later that
it began.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from webhook.admission.approving import Approving
from webhook.admission.denials import deny, refused_by_policy
from webhook.admission.review import Answer, Noted, Request
from webhook.approvals.subjects import Subject
from webhook.policy.builtin import NAME as BUILTIN
from webhook.policy.decision import Action, Decision, Policy, Question
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
) -> Answer:
    """Give the answer to a session: of what policies say to the questions, the strictest.

    The first question is what an approval is asked for. Raises ClusterError.
    """
    decision = strictest([policy.decide(question) for question in questions])
    if decision.action is Action.APPROVE:
        passed = await approving.ask(asked, request, questions[0], decision, subject)
        if isinstance(passed, Answer):
            return replace(passed, noted=noted)
        return Answer(decision=passed.decision, noted=replace(noted, approval=passed.approval))
    if decision.action.refuses:
        return replace(_refusal(asked, questions[0], decision), noted=noted)
    return Answer(decision=decision, noted=noted)


def _refusal(asked: str, question: Question, decision: Decision) -> Answer:
    if decision.policy != BUILTIN:
        return refused_by_policy(asked, decision)
    remedy = (
        f"use kubectl exec, which is recorded: kubectl exec -it {question.name} -n {question.namespace}"
        f" -- COMMAND. Where that does not do, ask the owners of policies for a rule about door"
        f" {question.door.value} that says session: {{recording: none}}"
    )
    answer = deny(asked, why=decision.reason, remedy=remedy, rule="NotRecorded")
    return replace(answer, decision=decision)
