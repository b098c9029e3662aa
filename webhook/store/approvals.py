"""Which approvals somebody gave, as the audit events tell."""

from typing import Final

from webhook.journal.events import Kind, Outcome
from webhook.store.audit import AuditQuery, AuditStore
from webhook.store.contract import MAX_APPROVALS
from webhook.store.holds import all_events

_GIVEN: Final = frozenset({"approve", "standing"})


def approvals_by(
    store: AuditStore, approver: str, namespace: str | None, until: int | None
) -> frozenset[tuple[str, str]]:
    """Give namespace and name of the approvals that a user gave before a moment, at most one too many."""
    query = AuditQuery(
        namespace=namespace, kind=Kind.APPROVAL_DECIDED, outcome=Outcome.SUCCESS, actor=approver, until=until
    )
    found: set[tuple[str, str]] = set()
    for event in all_events(store, query):
        if event.approval and event.details.get("verdict") in _GIVEN:
            found.add((event.where.namespace, event.approval))
        if len(found) > MAX_APPROVALS:
            break
    return frozenset(found)
