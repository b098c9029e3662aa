"""Where results and remarks go: a screen of the right width, JSON that no recording can forge."""

import os
import sys
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from webhook.cli.failures import CliError, ExitCode
from webhook.replay.safety import escape_json

PHASE_STYLES: Final = {"Active": "green", "Completed": "", "Interrupted": "bold red"}


def check_new(path: Path) -> None:
    """See that a file can be written, before anything is read for it. Raises CliError."""
    if path.exists():
        raise CliError(f"{path} is there already: choose another name", ExitCode.USAGE)
    if not path.parent.is_dir():
        raise CliError(f"{path} cannot be written: there is no folder {path.parent}", ExitCode.USAGE)


def console() -> Console:
    """Give the console for results."""
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)


def width_of(screen: Console) -> int | None:
    """Give how wide results may be; None when they are piped."""
    return screen.width if screen.is_terminal or "COLUMNS" in os.environ else None


def note(text: str) -> None:
    """Print a remark beside the results, on standard error."""
    sys.stderr.write(f"{text}\n")


def print_json(value: object) -> None:
    """Print an object of the API."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(escape_json(text) + "\n")
