"""Every answer of a door that is to be known goes into the journal before it goes out."""

from webhook.admission.denials import unavailable
from webhook.admission.review import Answer, Request
from webhook.admission.telling import decision_event, is_told
from webhook.journal.events import AuditEvent, Kind, Outcome
from webhook.journal.journal import Journal, JournalFullError
from webhook.journal.making import Maker


class AnswerNotes:
    """Notes the answers of one process's doors. Used on one thread."""

    def __init__(self, journal: Journal, maker: Maker, *, audit_mode: bool) -> None:
        """``journal`` masks. In audit mode nothing is refused for want of room in it; it counts losses."""
        self._journal = journal
        self._maker = maker
        self._audit_mode = audit_mode
        self._malformed = 0

    def note(self, name: str, request: Request, answer: Answer) -> Answer:
        """Give the answer to give: the same, or a refusal when this one cannot be kept."""
        if not is_told(name, answer):
            return answer
        maker = self._maker
        event = decision_event(maker.stamp(), name, request, answer, own=maker.namespace)
        try:
            self._journal.note(event)
        except JournalFullError as error:
            if answer.allowed and not self._audit_mode:
                return unavailable(event.asked, why=f"nothing happens unrecorded, and {error}")
        return answer

    def malformed(self) -> None:
        """Count a review that could not be read."""
        self._malformed += 1

    def tell_malformed(self) -> None:
        """Note how many reviews could not be read since the last time. Raises JournalFullError."""
        if not self._malformed:
            return
        self._journal.note(self._of_malformed(self._malformed))
        self._malformed = 0

    def _of_malformed(self, count: int) -> AuditEvent:
        """Give one event for all of them: whoever can reach the port can send as many as they like."""
        reason = "reviews that nobody can read were refused; the API server sends none"
        details = {"reviews": str(count)}
        return self._maker.own(Kind.DECISION, Outcome.FAILURE, reason, details=details)
