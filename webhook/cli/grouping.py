"""Groups of commands, all of one make."""

import typer


def group(text: str) -> typer.Typer:
    """Give a group without commands; ``text`` is its help. An error in a command is its caller's to tell."""
    return typer.Typer(
        help=text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
