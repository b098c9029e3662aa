"""``chaperone serve``: run a part of the control side."""

import asyncio
import os
from typing import Annotated

import typer

from sidecar.contract.errors import ChaperoneError
from webhook.settings import Role, read_settings


def serve(role: Annotated[Role, typer.Option(help="Which part of the control side to run.")]) -> None:
    """Run a part of the control side inside the cluster; the chart starts this.

    Settings come from environment variables whose names start with CHAPERONE_.
    """
    from webhook.server.start import start  # noqa: PLC0415  a server's imports, of no use to other commands

    try:
        asyncio.run(start(role, read_settings(os.environ), os.environ))
    except ChaperoneError as error:
        typer.echo(f"chaperone serve: {error}", err=True)
        raise typer.Exit(1) from None
