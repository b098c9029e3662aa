"""``chaperone evidence``: export a part of the record as one file, and check such a file anywhere."""

from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.grouping import group
from webhook.cli.options import Context, Format, KeptCheckpoints, Kubeconfig, Output, Roots


def evidence() -> typer.Typer:
    """Give the group of commands."""
    app = group("Export a part of the record as one file that proves itself, and check such a file.")
    for command in (export, verify):
        app.command()(command)
    return app


def export(
    *,
    user: Annotated[
        str, typer.Option("--user", "--agent", help="Only what this user or agent did, or asked for.")
    ] = "",
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only what was in this namespace.")
    ] = "",
    session: Annotated[str, typer.Option(help="Only this session; its whole id.")] = "",
    since: Annotated[str, typer.Option(help="Where the range begins: 30d, 2026-03-01 or 2026-03-01T09:30.")],
    until: Annotated[str | None, typer.Option(help="Before where it ends; now unless told.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    size: Annotated[
        int | None, typer.Option(min=1, help="Prove it by the checkpoint of so many entries.")
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Write what happened in a range of time, with its proofs and pages to read it, as one zip file."""
    from webhook.cli import evidence_export  # noqa: PLC0415  help must not wait for it

    wanted = evidence_export.Wanted(
        user=user, namespace=namespace, session=session, since=since, until=until, size=size
    )
    evidence_export.run(wanted, output, kubeconfig, context)


def verify(
    bundle: Annotated[Path, typer.Argument(help="The file.", metavar="BUNDLE")],
    *,
    root: Roots = None,
    kept: KeptCheckpoints = None,
    output: Output = Format.TABLE,
) -> None:
    """Check a bundle, without a server, cluster or account; name the first broken link."""
    from webhook.cli import evidence_verification  # noqa: PLC0415  help must not wait for it

    evidence_verification.run(bundle, root or [], kept or [], output)
