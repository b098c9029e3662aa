"""``chaperone replay``: a session from the moment that a search found."""

from typing import Annotated

import typer

from webhook.cli.options import Context, IdleLimit, Kubeconfig, Namespace, SessionId, Speed, WithPrograms
from webhook.cli.sessions import play


def replay(
    session: SessionId,
    *,
    at: Annotated[
        float, typer.Option("--at", "--from", min=0, help="Moment to begin at, in seconds of the session.")
    ] = 0.0,
    speed: Speed = 1.0,
    idle_limit: IdleLimit = None,
    programs: WithPrograms = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Replay a session in this terminal, from a moment, as chaperone sessions play does."""
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
