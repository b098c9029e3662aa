"""``chaperone search``."""

from typing import Annotated

import typer

from webhook.cli.options import (
    AllNamespaces,
    Context,
    Kubeconfig,
    Namespace,
    Phase,
    Pod,
    SearchFormat,
    Since,
    Until,
)


def search(
    text: Annotated[str, typer.Argument(help='Words, or a "quoted phrase".', metavar="TEXT")],
    *,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    user: Annotated[
        str | None, typer.Option("--user", "--agent", help="Only sessions of this user or agent.")
    ] = None,
    pod: Pod = None,
    since: Since = None,
    until: Until = None,
    exit_code: Annotated[
        str | None,
        typer.Option("--exit", metavar="CODE", help="Only sessions that ended so: a code, or failed."),
    ] = None,
    finding: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Only sessions with masked card data: any, pan, pan/visa …"),
    ] = None,
    approved_by: Annotated[
        str | None, typer.Option(metavar="USER", help="Only sessions that this user approved.")
    ] = None,
    phase: Annotated[
        Phase | None, typer.Option(help="Only sessions in this phase.", case_sensitive=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most places to give.")] = 50,
    output: Annotated[
        SearchFormat, typer.Option("--output", "-o", help="Form of the output.")
    ] = SearchFormat.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Find words in command lines, programs, and what was shown or typed; newest first, with the moment."""
    from webhook.cli import access, searching  # noqa: PLC0415  help must not wait for it

    wanted = searching.Wanted(
        text=text,
        user=user,
        pod=pod,
        since=since,
        until=until,
        exit_code=exit_code,
        finding=finding,
        approved_by=approved_by,
        phase=phase,
        limit=limit,
    )
    place = access.Access(
        kubeconfig=kubeconfig, context=context, namespace=namespace, all_namespaces=all_namespaces
    )
    searching.run(wanted, place, output)
