"""``chaperone``, which kubectl finds as ``kubectl chaperone`` too."""

import os
import signal
import sys
from types import FrameType
from typing import Annotated, Never

import typer

from sidecar.contract.errors import ChaperoneError
from sidecar.contract.names import VERSION
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.lazy import Lazy, mount
from webhook.cli.running import run
from webhook.cli.search import search
from webhook.cli.sessions import sessions_app

_LAZY = (
    Lazy("approvals", "See what waits for an approval, and decide.", is_group=True),
    Lazy("canary", "Try whether the controls work, and put on record what came of it.", is_group=True),
    Lazy("evidence", "Export a part of the record as a file that proves itself; check one.", is_group=True),
    Lazy("events", "Read audit events: who did what, when and with what outcome.", is_group=True),
    Lazy("holds", "Set, see and release legal holds: what is kept however old it is.", is_group=True),
    Lazy("ledger", "Keep a checkpoint of the ledger, and verify the record with it.", is_group=True),
    Lazy("mask", "Mask card data in a file or stream."),
    Lazy("policy", "Write, try and understand guard policies.", is_group=True),
    Lazy("replay", "Replay a session in this terminal, from a moment."),
    Lazy("report", "Daily review, access review and retention statement.", is_group=True),
    Lazy("serve", "Run a part of the control side inside the cluster."),
)


def application() -> typer.Typer:
    """Give the whole command line."""
    app = typer.Typer(
        help="Guardrails around whoever reaches into a cluster: read what was recorded.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )
    app.callback()(_root)
    app.add_typer(sessions_app(), name="sessions")
    app.command()(search)
    for command in _LAZY:
        mount(app, command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"chaperone {VERSION}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; every expected failure is one message and an exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = run(application())
        sys.stdout.flush()
    except CliError as error:
        _fail(str(error), error.code)
    except ChaperoneError as error:
        _fail(str(error), ExitCode.FAILED)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _drop_output()
        sys.exit(ExitCode.FAILED)
    except UnicodeEncodeError as error:
        _fail(*_unwritable(error))
    except OSError as error:
        _drop_output()
        _fail(
            f"{error.filename or 'the output cannot be written'}: {error.strerror or error}", ExitCode.FAILED
        )
    else:
        sys.exit(code)


def _unwritable(error: UnicodeEncodeError) -> tuple[str, ExitCode]:
    """Say whose text it is that has no bytes: that of an argument, or what is shown."""
    if all("\udc80" <= character <= "\udcff" for character in error.object[error.start : error.end]):
        return "an argument is not text in UTF-8", ExitCode.USAGE
    return f"the output cannot be written in {error.encoding}: set LC_ALL=C.UTF-8", ExitCode.FAILED


def _drop_output() -> None:
    """Let nothing that is still to be written fail again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: ExitCode) -> Never:
    sys.stderr.write(f"chaperone: {message}\n")
    sys.exit(code)


def _terminated(number: int, _: FrameType | None) -> Never:
    """End as after an exception, so that a terminal is left as it was."""
    sys.exit(128 + number)
