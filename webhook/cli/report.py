"""``chaperone report``: the daily review, the access review and the statement of what is kept."""

from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.grouping import group
from webhook.cli.options import Context, Kubeconfig
from webhook.cli.report_target import Form, Target

Out = Annotated[Path | None, typer.Option("--output", "-o", help="File to write; its end tells the form.")]
FormOption = Annotated[Form | None, typer.Option("--format", help="Form, where no file's name tells it.")]
Signed = Annotated[
    bool, typer.Option("--sign", help="Have the file signed, beside it as FILE.sig and FILE.certificate.")
]
Since = Annotated[str, typer.Option(help="Where the range begins: 90d, 2026-03-01 or 2026-03-01T09:30.")]
Until = Annotated[str | None, typer.Option(help="Before where it ends; now unless told.")]


def report() -> typer.Typer:
    """Give the group of commands."""
    app = group("Daily review, access review and retention statement, from the ledger.")
    for command in (daily, access, retention):
        app.command()(command)
    return app


def daily(
    *,
    day: Annotated[
        str | None, typer.Option(help="The day, local, as 2026-03-01; yesterday unless told.")
    ] = None,
    output: Out = None,
    form: FormOption = None,
    sign: Signed = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """What happened on a day, and what needs eyes: refusals, failures, gaps (PCI DSS 10.4.1.1)."""
    from webhook.cli import reporting  # noqa: PLC0415  help must not wait for it

    reporting.daily(day, Target(output, form, sign), kubeconfig, context)


def access(
    *,
    since: Since = "90d",
    until: Until = None,
    output: Out = None,
    form: FormOption = None,
    sign: Signed = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Who could and who did, who approved, standing approvals and their last use (PCI DSS 7.2.4, 7.2.5.1)."""
    from webhook.cli import reporting  # noqa: PLC0415  help must not wait for it

    reporting.access(since, until, Target(output, form, sign), kubeconfig, context)


def retention(
    *,
    since: Since = "53w",
    output: Out = None,
    form: FormOption = None,
    sign: Signed = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """What is kept of each month, what was removed because of its age, what is missing (PCI DSS 10.5.1)."""
    from webhook.cli import reporting  # noqa: PLC0415  help must not wait for it

    reporting.retention(since, Target(output, form, sign), kubeconfig, context)
