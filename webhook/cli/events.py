"""``chaperone events``: who did what, when and with what outcome, beside the sessions themselves."""

from typing import Annotated

import typer

from webhook.cli.grouping import group
from webhook.cli.options import (
    AllNamespaces,
    Context,
    EventFormat,
    Format,
    Kubeconfig,
    Namespace,
    Output,
)
from webhook.journal.events import Kind, Outcome


def events() -> typer.Typer:
    """Give the group of commands."""
    app = group("Read audit events: decisions, approvals, changes of policies, reads of the record.")
    app.command("list")(list_events)
    app.command()(show)
    return app


def list_events(
    *,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    user: Annotated[
        str | None, typer.Option("--user", "--agent", help="Only what this user or agent did.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only events of this kind.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only events that ended so.")] = None,
    approval: Annotated[str | None, typer.Option(help="Only events of this approval request.")] = None,
    session: Annotated[str | None, typer.Option(help="Only events of the session with this id.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only events since: 2h, 7d, 2026-03-01 or 2026-03-01T09:30.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only events before; written as for --since.")] = None,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help='Only events with these words, or a "quoted phrase", in what was asked, command line, reason'
            " or rule; at most 1000.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most events to list, newest first; 0 lists all.")] = 100,
    output: Annotated[
        EventFormat, typer.Option("--output", "-o", help="Form of the output.")
    ] = EventFormat.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List audit events, newest first. Those of the cluster as a whole are shown with -A."""
    from webhook.cli import access, event_listing  # noqa: PLC0415  help must not wait for it

    wanted = event_listing.Wanted(
        user=user,
        kind=kind,
        outcome=outcome.value if outcome else None,
        approval=approval,
        session=session,
        since=since,
        until=until,
        text=text,
        limit=limit or None,
    )
    place = access.Access(
        kubeconfig=kubeconfig, context=context, namespace=namespace, all_namespaces=all_namespaces
    )
    event_listing.run(wanted, place, output)


def show(
    event: Annotated[str, typer.Argument(help="The event's id.", metavar="ID")],
    *,
    namespace: Namespace = None,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show everything known of an audit event."""
    from webhook.cli import access, event_listing  # noqa: PLC0415  help must not wait for it

    place = access.Access(kubeconfig=kubeconfig, context=context, namespace=namespace)
    event_listing.show(place, event, output)
