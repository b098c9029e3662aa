"""``chaperone replay``: a session from the moment that a search found."""

from typing import Annotated

import typer

from webhook.cli.options import Context, Kubeconfig, Namespace, SessionId
from webhook.cli.sessions import play


def replay(
    session: SessionId,
    *,
    at: Annotated[
        float, typer.Option("--at", "--from", min=0, help="Moment to begin at, in seconds of the session.")
    ] = 0.0,
    speed: Annotated[float, typer.Option(min=0.01, max=1000, help="How many times as fast.")] = 1.0,
    idle_limit: Annotated[
        float | None, typer.Option(min=0, help="Longest pause to sit through, in seconds.")
    ] = None,
    programs: Annotated[
        bool, typer.Option("--programs", "-p", help="Also show the programs that ran, when they began.")
    ] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Replay a session in this terminal, from a moment. The same as ``chaperone sessions play``."""
    play(
        session,
        speed=speed,
        idle_limit=idle_limit,
        start=at,
        programs=programs,
        namespace=namespace,
        context=context,
        kubeconfig=kubeconfig,
    )
