"""``chaperone approvals``: see what waits for an approval, and decide."""

from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.approval_access import ApprovalAccess, find, follow, listed, say
from webhook.cli.approval_table import print_details, print_list, print_row
from webhook.cli.options import AllNamespaces, Context, Format, Kubeconfig, Namespace, Output

Name = Annotated[str, typer.Argument(help="The approval request.", metavar="NAME")]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why; kept with the decision.")]
Everything = Annotated[bool, typer.Option("--all", "-a", help="Also those that are decided.")]


def approvals() -> typer.Typer:
    """Give the group of commands."""
    app = typer.Typer(
        help="See what waits for an approval, and decide.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.command("list")(list_requests)
    for command in (show, approve, deny, watch):
        app.command()(command)
    return app


def list_requests(
    *,
    everything: Everything = False,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List what waits for an approval."""
    access = _access(kubeconfig, context, namespace, all_namespaces=all_namespaces)
    print_list(listed(access, everything=everything), access.place, output)


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
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Approve exactly this action, once."""
    typer.echo(say(_access(kubeconfig, context, namespace), name, "approve", reason))


def deny(
    name: Name,
    *,
    reason: Reason = "",
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Deny this action."""
    typer.echo(say(_access(kubeconfig, context, namespace), name, "deny", reason))


def watch(
    *,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Follow approval requests: a line for each that comes or changes, until interrupted."""
    for ticket in follow(_access(kubeconfig, context, namespace, all_namespaces=all_namespaces)):
        print_row(ticket)


def _access(
    kubeconfig: Path | None, context: str | None, namespace: str | None, *, all_namespaces: bool = False
) -> ApprovalAccess:
    return ApprovalAccess.open(kubeconfig, context, namespace, all_namespaces=all_namespaces)
