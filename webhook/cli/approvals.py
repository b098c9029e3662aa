"""``chaperone approvals``: see what waits for an approval, and decide."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from webhook.approvals.objects import DIGEST_LETTERS, ApprovalRequest, Phase, Verdict
from webhook.cli import approval_access
from webhook.cli.approval_access import ApprovalAccess, find, give, listed, say, standings
from webhook.cli.approval_table import came_of, print_change, print_details, print_list, what_is_asked
from webhook.cli.approval_watch import Follower
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.grouping import group
from webhook.cli.options import AllNamespaces, Context, Format, Kubeconfig, Namespace, Output
from webhook.cli.output import note
from webhook.cli.standing_table import given, print_standings
from webhook.cli.times import parse_seconds

Name = Annotated[str, typer.Argument(help="The approval request.", metavar="NAME")]
StandingName = Annotated[str, typer.Argument(help="The standing approval.", metavar="NAME")]
Reason = Annotated[
    str,
    typer.Option("--reason", "-r", help="Why; kept with the decision. Needed for break-glass and review."),
]
Digest = Annotated[
    str,
    typer.Option(
        help=f"Only if its digest begins so, as show told; at least {DIGEST_LETTERS} digits.",
        metavar="DIGITS",
    ),
]
Everything = Annotated[bool, typer.Option("--all", "-a", help="Also those that are decided.")]
Ended = Annotated[bool, typer.Option("--all", "-a", help="Also those that ended.")]
Unreviewed = Annotated[
    bool, typer.Option("--unreviewed", help="Only where the glass was broken and nobody has reviewed it.")
]
Lasting = Annotated[str, typer.Option("--for", help="How long it holds: 30m, 8h.")]
Words = Annotated[
    int | None,
    typer.Option(help="Cover what begins with so many words of the command; all when left out.", min=1),
]
Here = Annotated[bool, typer.Option("--this-target", help="Only in the very pod the request is about.")]


def approvals() -> typer.Typer:
    """Give the group of commands."""
    app = group("See what waits for an approval, and decide.")
    app.command("list")(list_requests)
    app.command()(show)
    for name, command in _verdicts():
        app.command(name)(command)
    for command in (watch, stand, standing, revoke):
        app.command()(command)
    return app


def _verdicts() -> Iterator[tuple[str, Callable[..., None]]]:
    yield "approve", approve
    yield "deny", _verdict(Verdict.DENY, "Deny this action.")
    glass = "Go on with an action of your own in an emergency, where a policy lets you; others review it."
    yield "break-glass", _verdict(Verdict.BREAK_GLASS, glass, must_say_why=True)
    review = "Say what you found when you looked at how somebody else broke the glass."
    yield "review", _verdict(Verdict.REVIEW, review, must_say_why=True)


def list_requests(
    *,
    everything: Everything = False,
    unreviewed: Unreviewed = False,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List what waits for an approval."""
    access = _access(kubeconfig, context, namespace, all_namespaces=all_namespaces)
    found = listed(access, everything=everything, unreviewed=unreviewed)
    nothing = "Nothing is to be reviewed" if unreviewed else "Nothing waits for an approval"
    print_list(
        found,
        access.place,
        output,
        nothing="There is none" if everything else nothing,
        everywhere=all_namespaces,
    )


def show(
    name: Name,
    *,
    namespace: Namespace = None,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show everything known of an approval request."""
    print_details(find(_access(kubeconfig, context, namespace), name), output)


def approve(
    name: Name,
    *,
    reason: Reason = "",
    digest: Digest = "",
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Approve exactly this action, once; what that is, is shown."""
    access = _access(kubeconfig, context, namespace)
    _approve(access, find(access, name).ticket, reason, digest)


def _approve(access: ApprovalAccess, ticket: ApprovalRequest, reason: str, digest: str = "") -> None:
    """Approve what was read, and nothing else that has its name by then."""
    if digest and (len(digest) < DIGEST_LETTERS or not ticket.spec.digest.startswith(digest.lower())):
        told = f"the digest of {ticket.metadata.name} is {ticket.spec.digest}, which does not begin with"
        raise CliError(
            f"{told} --digest {digest}; look at it again: chaperone approvals show", ExitCode.FAILED
        )
    note(what_is_asked(ticket))
    name = ticket.metadata.name
    done = say(access, name, Verdict.APPROVE, reason, digest=ticket.spec.digest)
    typer.echo(came_of(done, Verdict.APPROVE))


def _verdict(verdict: Verdict, text: str, *, must_say_why: bool = False) -> Callable[..., None]:
    """Give the command that says one verdict; ``text`` is its help."""

    def command(
        name: Name,
        *,
        reason: Reason = "",
        namespace: Namespace = None,
        context: Context = None,
        kubeconfig: Kubeconfig = None,
    ) -> None:
        if must_say_why and not reason.strip():
            raise CliError("say why: --reason WHY", ExitCode.USAGE)
        access = _access(kubeconfig, context, namespace)
        typer.echo(came_of(say(access, name, verdict, reason), verdict))

    command.__doc__ = text
    return command


def watch(
    *,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Follow approval requests: a line for each that comes or changes, until interrupted."""
    access = _access(kubeconfig, context, namespace, all_namespaces=all_namespaces)
    for change in Follower(access, lost=lambda why: note(f"{why}; trying again …")).follow():
        print_change(change)


def stand(
    name: Name,
    *,
    lasting: Lasting,
    words: Words = None,
    this_target: Here = False,
    reason: Reason = "",
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Approve an action and let its requester do the like for a while without asking again."""
    seconds = parse_seconds(lasting, option="--for")
    access = _access(kubeconfig, context, namespace)
    ticket = find(access, name).ticket
    made = give(access, _standing(ticket, seconds, words, this_target, reason))
    typer.echo(given(made))
    if ticket.status.phase is Phase.PENDING:
        _approve(access, ticket, reason)


def standing(
    *,
    everything: Ended = False,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List standing approvals."""
    access = _access(kubeconfig, context, namespace, all_namespaces=all_namespaces)
    print_standings(standings(access), access.place, output, everything=everything)


def revoke(
    name: StandingName,
    *,
    reason: Reason = "",
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """End a standing approval. Sessions that run go on."""
    ended = approval_access.revoke(_access(kubeconfig, context, namespace), name, reason)
    typer.echo(f"{ended.metadata.name}: revoked; {ended.spec.user} has to ask again")


def _standing(
    ticket: ApprovalRequest, seconds: int, words: int | None, this_target: bool, reason: str
) -> dict[str, object]:
    """Give the standing approval that covers what a request asks, and the like. Raises CliError."""
    spec, argv = ticket.spec, ticket.spec.argv
    if words is not None and words > len(argv):
        raise CliError(f"--words {words}: the command has {len(argv)}", ExitCode.USAGE)
    chosen: dict[str, object] = {
        "user": spec.requester.username,
        "policy": spec.policy,
        "rule": spec.rule,
        "door": spec.door.value,
        "operation": spec.operation.value,
        "resource": spec.target.resource,
        "argvPrefix": argv[:words],
        "target": spec.target.name if this_target or not argv else "",
        "container": spec.target.container,
        "tty": spec.tty,
        "stdin": spec.stdin,
        "seconds": seconds,
        "reason": reason,
    }
    return {
        "apiVersion": ticket.api_version,
        "kind": "StandingApproval",
        "metadata": {"name": f"standing-{secrets.token_hex(4)}"},
        "spec": {key: value for key, value in chosen.items() if value},
    }


def _access(
    kubeconfig: Path | None, context: str | None, namespace: str | None, *, all_namespaces: bool = False
) -> ApprovalAccess:
    return ApprovalAccess.open(kubeconfig, context, namespace, all_namespaces=all_namespaces)
