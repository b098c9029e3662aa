"""``chaperone sessions``: list, show, play and save recorded sessions; follow and end those that go on."""

from pathlib import Path
from typing import Annotated

import typer

from webhook.cli.grouping import group
from webhook.cli.options import (
    AllNamespaces,
    Context,
    Format,
    IdleLimit,
    Kubeconfig,
    Namespace,
    Output,
    Phase,
    Pod,
    SessionId,
    SessionKind,
    Since,
    Speed,
    Until,
    User,
    WithPrograms,
)


def list_sessions(
    *,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    user: User = None,
    pod: Pod = None,
    phase: Annotated[
        Phase | None, typer.Option(help="Only sessions in this phase.", case_sensitive=False)
    ] = None,
    kind: Annotated[
        SessionKind | None,
        typer.Option(help="Only what somebody started, or only containers' own programs."),
    ] = None,
    since: Since = None,
    until: Until = None,
    text: Annotated[
        str | None, typer.Option(help="Only sessions with these words in the command line or the streams.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="Most sessions to list, newest first; 0 lists all.")
    ] = 100,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List recorded sessions, newest first."""
    from webhook.cli import access, listing  # noqa: PLC0415  help must not wait for it

    wanted = listing.Wanted(
        user=user,
        pod=pod,
        phase=phase,
        kind=kind,
        since=since,
        until=until,
        text=text,
        limit=limit or None,
    )
    place = access.Access(
        kubeconfig=kubeconfig, context=context, namespace=namespace, all_namespaces=all_namespaces
    )
    listing.run(wanted, place, output)


def show(
    session: SessionId,
    *,
    transcript: Annotated[
        bool, typer.Option("--transcript", "-v", help="Also print what was shown, as plain text.")
    ] = False,
    programs: Annotated[
        bool, typer.Option("--programs", "-p", help="Also print every program that ran in it.")
    ] = False,
    typed: Annotated[
        bool, typer.Option("--typed", help="Also print every line that was entered at its terminal.")
    ] = False,
    namespace: Namespace = None,
    output: Output = Format.TABLE,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show everything known of a session."""
    from webhook.cli import access, recording  # noqa: PLC0415  help must not wait for it

    place = access.Access(kubeconfig=kubeconfig, context=context, namespace=namespace)
    recording.show(place, session, output, transcript=transcript, programs=programs, typed=typed)


def play(
    session: SessionId,
    *,
    speed: Speed = 1.0,
    idle_limit: IdleLimit = None,
    start: Annotated[
        float, typer.Option("--from", min=0, help="Moment to begin at, in seconds of the session.")
    ] = 0.0,
    programs: WithPrograms = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Replay a session in this terminal. Space pauses, . shows the next output, q ends it."""
    from webhook.cli import access, recording  # noqa: PLC0415  help must not wait for it

    place = access.Access(kubeconfig=kubeconfig, context=context, namespace=namespace)
    recording.play(place, session, speed=speed, idle_limit=idle_limit, start=start, with_programs=programs)


def follow(
    session: SessionId,
    *,
    new: Annotated[bool, typer.Option("--new", help="Only what comes from now on.")] = False,
    programs: WithPrograms = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show what a running session shows, masked, until it ends. Ctrl-C stops following."""
    from webhook.cli import access, live  # noqa: PLC0415  help must not wait for it

    place = access.Access(kubeconfig=kubeconfig, context=context, namespace=namespace)
    live.follow(place, session, new=new, programs=programs)


def kill(
    session: SessionId,
    *,
    reason: Annotated[
        str, typer.Option(help="Why: shown to the client of the session, and recorded.", show_default=False)
    ],
    wait: Annotated[float, typer.Option(min=0, help="Longest wait for its end, in seconds.")] = 20.0,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """End a running session. Takes a right of its own."""
    from webhook.cli import access, live  # noqa: PLC0415  help must not wait for it

    place = access.Access(kubeconfig=kubeconfig, context=context, namespace=namespace)
    live.kill(place, session, reason=reason, wait=wait)


def cast(
    session: SessionId,
    *,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write.")] = None,
    version: Annotated[
        int, typer.Option("--asciicast", min=2, max=3, help="Version of the file format.")
    ] = 2,
    keys: Annotated[bool, typer.Option("--input/--no-input", help="With what was typed, or without.")] = True,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Save a session as an asciicast, which any asciinema player plays."""
    from webhook.cli import access, recording  # noqa: PLC0415  help must not wait for it

    place = access.Access(kubeconfig=kubeconfig, context=context, namespace=namespace)
    recording.cast(place, session, output, version=version, with_input=keys)


def sessions_app() -> typer.Typer:
    """Give the commands below ``chaperone sessions``."""
    app = group("List, show and replay recorded sessions; follow and end running ones.")
    app.command("list")(list_sessions)
    for command in (show, play, follow, kill, cast):
        app.command()(command)
    return app
