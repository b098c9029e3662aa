"""``chaperone mask``: standard input to standard output with card data masked."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer
from rich.console import Console
from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sidecar.masking import Engine, Masker, Profile

PIECE = 1 << 16


def mask(
    profile: Annotated[
        Profile, typer.Option(help="How wide the net is: 12 to 19 digits, or 14 to 19.")
    ] = Profile.STRICT,
    report: Annotated[Path | None, typer.Option(help="Write what was found to FILE as JSON lines.")] = None,
) -> None:
    """Mask card data in a stream: standard input to standard output, of the same length.

    What was found is written to the report as it is found: rule, brand, offset, length and what stays
    visible; never the number.
    """
    masker = Engine.load(profile).stream()
    console = Console(stderr=True)
    with Progress(
        TextColumn("masking"),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("masking", total=None)

        def advance(count: int) -> None:
            progress.update(task, advance=count)

        if report is None:
            pump(masker, sys.stdin.buffer, sys.stdout.buffer, None, advance)
        else:
            with report.open("wb") as lines:
                pump(masker, sys.stdin.buffer, sys.stdout.buffer, lines, advance)


def pump(
    masker: Masker, source: BinaryIO, sink: BinaryIO, lines: BinaryIO | None, advance: Callable[[int], None]
) -> None:
    """Feed all of ``source`` through ``masker`` into ``sink``, and findings into ``lines``."""
    encode = msgspec.json.Encoder().encode

    def report() -> None:
        for finding in masker.take_findings():
            if lines is not None:
                lines.write(encode(finding._asdict()) + b"\n")

    while piece := _read(source):
        sink.write(masker.feed(piece))
        sink.flush()
        report()
        advance(len(piece))
    sink.write(masker.close())
    sink.flush()
    report()


def _read(source: BinaryIO) -> bytes:
    """What is there, without waiting for a full piece where the source can tell."""
    read = getattr(source, "read1", source.read)
    return bytes(read(PIECE))
