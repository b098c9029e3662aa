"""Running a command line, and telling wrong usage in this project's own words."""

import re
from collections.abc import Sequence
from typing import Final

import typer
from typer.exceptions import TyperException

from webhook.cli.failures import CliError, ExitCode

_WORDING: Final = (
    (re.compile(r"Invalid value for "), ""),
    (re.compile(r"Value error, "), ""),
    (re.compile(r", unable to parse \w+ as an? \w+"), ""),
    (re.compile(r"Input should be a valid integer"), "it must be a whole number"),
    (re.compile(r"Input should be "), "it must be "),
)
"""What the libraries below say, and how it reads here."""


def run(app: typer.Typer, arguments: Sequence[str] | None = None, name: str | None = None) -> int:
    """Run a command line and give its exit code. Raises CliError for wrong usage, and what commands raise."""
    try:
        result: object = app(arguments, prog_name=name, standalone_mode=False)
    except typer.Abort:
        return ExitCode.FAILED
    except TyperException as error:
        return _usage(error)
    return result if isinstance(result, int) else ExitCode.OK


def _usage(error: TyperException) -> int:
    message = error.format_message()
    if not message:  # a group without a command has shown its help
        return ExitCode.USAGE
    for pattern, words in _WORDING:
        message = pattern.sub(words, message)
    context: object = getattr(error, "ctx", None)
    path = str(getattr(context, "command_path", "chaperone"))
    raise CliError(f"{message.rstrip('.')}\nSee: {path} --help", ExitCode.USAGE) from None
