"""Commands whose modules are imported only when they run."""

import importlib
from typing import Final, NamedTuple

import typer

from webhook.cli.running import run

_PASSED_ON: Final[dict[str, object]] = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}
_HELP: Final = {"help_option_names": ["--help", "-h"]}


class Lazy(NamedTuple):
    """A command ``name``: the function of that name in ``webhook.cli.<name>``; for a group, what gives it."""

    name: str
    help: str
    is_group: bool = False


def mount(app: typer.Typer, command: Lazy) -> None:
    """Let an application list a command, and import it when it is called or asked for help."""

    def call(context: typer.Context) -> None:
        function = getattr(importlib.import_module(f"webhook.cli.{command.name}"), command.name)
        if command.is_group:
            raise typer.Exit(run(function(), context.args, context.command_path))
        only = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=_HELP)
        only.command(command.name)(function)
        raise typer.Exit(run(only, context.args, context.command_path))

    settings = {**_PASSED_ON, "allow_interspersed_args": not command.is_group}
    app.command(command.name, help=command.help, context_settings=settings, add_help_option=False)(call)
