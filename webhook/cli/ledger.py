"""``chaperone ledger``: keep a checkpoint, and verify the record with it."""

from pathlib import Path
from typing import Annotated

import typer

from webhook.cli import ledger_verification
from webhook.cli.cluster import Cluster
from webhook.cli.failures import CliError
from webhook.cli.grouping import group
from webhook.cli.ledger_access import LedgerAccess
from webhook.cli.options import Context, Format, KeptCheckpoints, Kubeconfig, Output, Roots
from webhook.cli.output import note


def ledger() -> typer.Typer:
    """Give the group of commands."""
    app = group("Keep a checkpoint of the ledger, and verify the record with it.")
    for command in (checkpoint, verify):
        app.command()(command)
    return app


def checkpoint(
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")] = None,
    sign: Annotated[bool, typer.Option("--now", help="Have one signed now, of all that is there.")] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Give the ledger's newest signed checkpoint. Keep it out of the cluster's reach."""
    text = LedgerAccess(Cluster(kubeconfig, context)).checkpoint(sign=sign)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        with output.open("x") as file:
            file.write(text)
    except FileExistsError:
        raise CliError(
            f"{output} is there already, and checkpoints are to be kept: choose another name"
        ) from None
    note(f"{output}: {text.splitlines()[1]} entries signed for")


def verify(
    *,
    kept: KeptCheckpoints = None,
    root: Roots = None,
    sessions: Annotated[
        bool, typer.Option("--sessions/--no-sessions", help="Also look at every session, frame by frame.")
    ] = True,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Check the whole record: the ledger, kept checkpoints and every session; name the first broken link."""
    cluster = Cluster(kubeconfig, context)
    trust = ledger_verification.Trust(ledger_verification.read_roots(root or []), tuple(kept or ()))
    ledger_verification.run(cluster, trust, output, with_sessions=sessions)
