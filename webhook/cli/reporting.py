"""What ``chaperone report`` does."""

import hashlib
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from webhook.audit_api.objects import rfc3339, unix_nanoseconds
from webhook.cli.answers import decoded_object
from webhook.cli.audit import Audit
from webhook.cli.cluster import Cluster
from webhook.cli.evidence_export import Shown, window_of
from webhook.cli.evidence_source import ApiSource
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.output import check_new, note
from webhook.cli.report_target import Form, Target
from webhook.cli.times import parse_time
from webhook.evidence.bundle import Progress
from webhook.evidence.report_forms import as_csv, as_html, as_json
from webhook.evidence.reports import Proven, Report, Table, access_review, daily_review, retention_statement
from webhook.evidence.rights import Binding, Role, rights_table, unknown_rights
from webhook.evidence.selection import Selection, check
from webhook.evidence.window import removed_sessions, walk
from webhook.ledger.checkpoints import read_checkpoint
from webhook.ledger.notes import read_note
from webhook.replay.safety import printable

_WRITERS: Final = {Form.HTML: as_html, Form.CSV: as_csv, Form.JSON: as_json}
_RBAC: Final = ("apis", "rbac.authorization.k8s.io", "v1")
_FORBIDDEN: Final = (
    "you may not list roles and bindings of this cluster; an administrator can allow it by kubectl create"
    " clusterrole rights-reader --verb=list --resource=clusterroles,clusterrolebindings,roles,rolebindings"
    " and kubectl create clusterrolebinding rights-reader --clusterrole=rights-reader --user=USER"
)
_T = TypeVar("_T")


def daily(day: str | None, target: Target, kubeconfig: Path | None, context: str | None) -> None:
    """Make the daily review. Raises CliError."""
    begin, end = day_of(day, datetime.now().astimezone())
    desk = _Desk(kubeconfig, context, target)
    desk.write(daily_review(desk.proven(begin, end, "a daily review")))


def day_of(day: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Give where a local day begins and ends, yesterday unless told; some have 23 or 25 hours."""
    if day is None:
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        begin = (midnight - timedelta(days=1)).astimezone()
    else:
        begin = parse_time(day, option="--day", now=now)
    try:
        return begin, (begin.replace(tzinfo=None) + timedelta(days=1)).astimezone()
    except OverflowError:
        raise CliError(f"--day {day!r} is the last day that there is", ExitCode.USAGE) from None


def access(
    since: str, until: str | None, target: Target, kubeconfig: Path | None, context: str | None
) -> None:
    """Make the access review. Raises CliError."""
    now = datetime.now(UTC)
    end = now if until is None else parse_time(until, option="--until", now=now)
    desk = _Desk(kubeconfig, context, target)
    proven = desk.proven(parse_time(since, option="--since", now=now), end, "an access review")
    desk.write(access_review(proven, desk.rights()))


def retention(since: str, target: Target, kubeconfig: Path | None, context: str | None) -> None:
    """Make the statement of what is kept. Raises CliError."""
    now = datetime.now(UTC)
    begin = parse_time(since, option="--since", now=now)
    desk = _Desk(kubeconfig, context, target)
    proven = desk.proven(begin, now, "a retention statement")
    removed = {name for entry in proven.entries for name in removed_sessions(entry.key, entry.data)}
    since_text = rfc3339(proven.selection.since)
    audit = Audit(desk.cluster)
    earlier = rfc3339(proven.selection.since - 86_400_000_000_000)
    kept = [item.session.metadata.name for item in audit.sessions(None, {"since": earlier}, limit=None)]
    months = Counter(event.at[:7] for event, _ in audit.events_with(None, {"since": since_text}, limit=None))
    desk.write(retention_statement(proven, kept, removed, dict(months)))


class _Desk:
    """Reads what a report is made of, and writes it."""

    def __init__(self, kubeconfig: Path | None, context: str | None, target: Target) -> None:
        self._target = target
        self._form = _form(target)
        if target.sign and target.path is None:
            raise CliError("--sign needs a file: give -o FILE", ExitCode.USAGE)
        if target.path is not None:
            check_new(target.path)
        self.cluster = Cluster(kubeconfig, context)
        self._source = ApiSource(self.cluster)

    def proven(self, since: datetime, until: datetime, what: str) -> Proven:
        """Give all entries of a range, and the checkpoint that proves them."""
        selection = Selection(since=_nanoseconds(since), until=_nanoseconds(until))
        check(selection)
        self._source.announce(f"{what}: {selection.words}")
        window = window_of(self._source, selection)
        progress = Shown()
        try:
            width = window.size - window.start
            walked = walk(
                self._source, window, selection, lambda done: progress(Progress("ledger", done, width))
            )
        finally:
            progress.end()
        checkpoint = window.last.exported.checkpoint
        origin = read_checkpoint(read_note(checkpoint).text).origin
        return Proven(selection, origin, window.size, checkpoint, walked.disclosed)

    def rights(self) -> Table:
        """Give who may do what now, as far as the user may read that."""
        try:
            roles = [*self._list("clusterroles", Role), *self._list("roles", Role)]
            bindings = [*self._list("clusterrolebindings", Binding), *self._list("rolebindings", Binding)]
        except CliError as error:
            if error.code is not ExitCode.FORBIDDEN:
                raise
            return unknown_rights(_FORBIDDEN)
        return rights_table(roles, bindings)

    def write(self, report: Report) -> None:
        """Write a report, and have it signed where that is asked for."""
        text, path = _WRITERS[self._form](report), self._target.path
        if path is None:
            sys.stdout.write(text)
            return
        _save(path, text)
        if self._target.sign:
            digest = hashlib.sha256(text.encode()).hexdigest()
            vouched = self._source.vouch(f"{report.title}: {report.asked}", digest)
            _save(path.with_name(f"{path.name}.sig"), vouched.signature)
            _save(path.with_name(f"{path.name}.certificate"), f"{vouched.certificate}\n")
        note(f"{path}: {printable(report.asked)}; to look at: {report.attention}")
        for remark in report.remarks:
            note(remark)

    def _list(self, resource: str, kind: type[_T]) -> Iterator[_T]:
        with self.cluster.request((*_RBAC, resource), {}) as answer:
            content = answer.read()
        if answer.status != 200:
            code = ExitCode.FORBIDDEN if answer.status in {401, 403} else ExitCode.FAILED
            raise CliError(f"{resource} cannot be read: the API server answered {answer.status}", code)
        items = decoded_object(content, _Items).items
        yield from (decoded_object(item, kind) for item in items or ())


class _Items(msgspec.Struct, frozen=True):
    items: tuple[msgspec.Raw, ...] | None = ()


def _form(target: Target) -> Form:
    if target.form is not None:
        return target.form
    if target.path is None:
        return Form.JSON
    try:
        return Form(target.path.suffix.removeprefix(".").lower())
    except ValueError:
        raise CliError(
            f"{target.path} ends in no form of a report: name it .html, .csv or .json, or give --format",
            ExitCode.USAGE,
        ) from None


def _nanoseconds(moment: datetime) -> int:
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return unix_nanoseconds(text)


def _save(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}") from None
