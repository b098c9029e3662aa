"""``chaperone canary``: try the controls as an assessor would, and have it put on record what came of it."""

from typing import Annotated

import typer

from webhook.cli.options import Context, Format, Kubeconfig, Namespace, Output


def canary() -> typer.Typer:
    """Give the group of commands."""
    app = typer.Typer(
        help="Try whether card data is masked, what must be refused is, and both are recorded.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_group)
    app.command()(run)
    return app


def _group() -> None:
    pass


def run(
    pod: Annotated[
        str, typer.Argument(help="A pod under guard, whose container has the program head.", metavar="POD")
    ],
    *,
    container: Annotated[
        str, typer.Option("--container", "-c", help="Container, instead of the pod's default one.")
    ] = "",
    namespace: Namespace = None,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Send a test card number through a session, ask what must be refused, and tell the record of it.

    Takes the rights to exec into the pod, and ClusterRole chaperone-canary in its namespace.
    """
    from webhook.cli import canary_run  # noqa: PLC0415  help must not wait for it

    wanted = canary_run.Wanted(pod=pod, container=container, namespace=namespace)
    canary_run.run(wanted, kubeconfig, context, output)
