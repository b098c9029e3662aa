"""Which audit events tell of broken glass."""

from msgspec.structs import replace

from webhook.journal.events import AuditEvent, Kind, Outcome


def as_glass(event: AuditEvent) -> AuditEvent:
    """Give the decision by which somebody went on at once as the breaking of glass that it is.

    Where an approval request is named, breaking it was an event of its own already.
    """
    at_once = event.kind is Kind.DECISION and event.outcome is Outcome.SUCCESS and not event.approval
    if at_once and event.details.get("break_glass") == "true":
        return replace(event, kind=Kind.BREAK_GLASS)
    return event
