"""``chaperone holds``: legal holds, which keep a part of the record however old it is."""

from typing import Annotated

import typer

from webhook.cli.grouping import group
from webhook.cli.options import Context, Format, Kubeconfig, Output

Reason = Annotated[str, typer.Option("--reason", help="Why: the case, and who asked for it.")]


def holds() -> typer.Typer:
    """Give the group of commands."""
    app = group("Set, see and release legal holds: what they name is kept however old it is.")
    app.command("list")(list_holds)
    app.command("set")(set_hold)
    app.command()(release)
    return app


def list_holds(
    *, output: Output = Format.TABLE, context: Context = None, kubeconfig: Kubeconfig = None
) -> None:
    """List legal holds, newest first, also those that were released."""
    from webhook.cli import hold_access  # noqa: PLC0415  help must not wait for it
    from webhook.cli.cluster import Cluster  # noqa: PLC0415

    hold_access.show(Cluster(kubeconfig, context), output)


def set_hold(
    *,
    reason: Reason,
    session: Annotated[str | None, typer.Option(help="Keep the session with this id.")] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", "--user", help="Keep sessions and deeds of this user or agent.")
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Keep what is of this namespace.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Keep what ended since: 7d, 2026-03-01 or 2026-03-01T09:30.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Keep what started before; written as for --since.")
    ] = None,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Set a legal hold: whatever is told here must be so of what is kept."""
    from webhook.cli import hold_access  # noqa: PLC0415  help must not wait for it
    from webhook.cli.cluster import Cluster  # noqa: PLC0415

    wanted = hold_access.Wanted(
        reason=reason, session=session, agent=agent, namespace=namespace, since=since, until=until
    )
    hold_access.set_hold(Cluster(kubeconfig, context), wanted, output)


def release(
    hold: Annotated[str, typer.Argument(help="The hold's name.", metavar="HOLD")],
    *,
    reason: Reason,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Release a legal hold: what it named may be removed once it is old enough."""
    from webhook.cli import hold_access  # noqa: PLC0415  help must not wait for it
    from webhook.cli.cluster import Cluster  # noqa: PLC0415

    hold_access.release(Cluster(kubeconfig, context), hold, reason, output)
