"""Options that several commands share."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

Kubeconfig = Annotated[
    Path | None, typer.Option(help="The kubeconfig file, instead of $KUBECONFIG or ~/.kube/config.")
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig, instead of the current one.")]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Namespace, instead of the context's own.")
]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look in all namespaces.")]
User = Annotated[str | None, typer.Option(help="Only sessions of this user.")]
Pod = Annotated[str | None, typer.Option(help="Only sessions in this pod.")]
Since = Annotated[
    str | None, typer.Option(help="Only sessions started since: 2h, 7d, 2026-03-01 or 2026-03-01T09:30.")
]
Until = Annotated[str | None, typer.Option(help="Only sessions started before; written as for --since.")]
SessionId = Annotated[str, typer.Argument(help="The session, or the start or end of its id.", metavar="ID")]

KeptCheckpoints = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", help="A checkpoint kept earlier, which must agree; may be repeated."),
]
Roots = Annotated[
    list[str] | None,
    typer.Option(
        "--root",
        help="The root's public key in base64, as in CHAPERONE_ROOT_KEYS of a recorder; may be repeated.",
    ),
]
Speed = Annotated[float, typer.Option(min=0.01, max=1000, help="How many times as fast.")]
IdleLimit = Annotated[float | None, typer.Option(min=0, help="Longest pause to sit through, in seconds.")]
WithPrograms = Annotated[
    bool, typer.Option("--programs", "-p", help="Also show the programs that ran, when they began.")
]


class Format(Enum):
    """Forms of output."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"


class EventFormat(Enum):
    """Forms of output of audit events."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    CSV = "csv"


class SearchFormat(Enum):
    """Forms of output of a search."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class Phase(Enum):
    """Where a session is."""

    ACTIVE = "Active"
    COMPLETED = "Completed"
    INTERRUPTED = "Interrupted"


class SessionKind(Enum):
    """What is recorded as a session."""

    EXEC = "exec"
    MAIN_PROCESS = "main-process"


Output = Annotated[Format, typer.Option("--output", "-o", help="Form of the output.")]
