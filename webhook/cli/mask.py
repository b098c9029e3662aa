"""``chaperone mask``: standard input to standard output with card data masked."""

import fcntl
import os
import select
import stat
import sys
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO, Final, TextIO

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sidecar.contract.errors import ConfigurationError
from sidecar.masking import Base64Masker, Engine, Finding, Masker, Profile, UserRule
from webhook.cli.failures import CliError, ExitCode
from webhook.cli.output import note

PIECE: Final = 1 << 16
Advance = Callable[[int], None]


def mask(
    profile: Annotated[
        Profile,
        typer.Option(help="How wide the net is: strict takes 12 to 19 digits, modern 14 to 19."),
    ] = Profile.STRICT,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="Mask what the rules in FILE describe, too. Repeatable.", metavar="FILE"),
    ] = None,
    base64: Annotated[
        bool, typer.Option("--base64", help="Look into base64, too; what is masked is encoded again.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Write what was masked to FILE, one JSON object per line.", metavar="FILE"),
    ] = None,
) -> None:
    """Mask card data: chaperone mask < app.log > clean.log

    Reads standard input and writes standard output, as it comes and of the same length.

    A line of the report has rule, brand, offset, length and what is still shown; never the number.
    """
    source, sink = _open(sys.stdin, "input"), _open(sys.stdout, "output")
    _refuse_own_output(source, sink)
    engine = Engine.load(profile, _rules(rules or []))
    masker = engine.base64() if base64 else engine.stream()
    if source.isatty():
        note("Reading from the terminal; end with Ctrl-D.")
    found: Counter[str] = Counter()
    others = {"input": os.fstat(source.fileno()), "output": os.fstat(sink.fileno())}
    others |= {f"rules in {file}": file.stat() for file in rules or []}
    with _report(report, others) as lines, _progress(source) as advance:
        pump(masker, source, sink, _Findings(lines, found), advance)
    if sys.stderr is not None and sys.stderr.isatty():
        note(_summary(found))


def pump(
    masker: Masker | Base64Masker,
    source: BinaryIO,
    sink: BinaryIO,
    report: Callable[[list[Finding]], None],
    advance: Advance,
) -> None:
    """Feed all of ``source`` through ``masker`` into ``sink``, and findings into ``report``.

    Raises CliError when something cannot be read or written, and BrokenPipeError.
    """
    while piece := _read(source):
        _write(sink, masker.feed(piece))
        report(masker.take_findings())
        advance(len(piece))
    _write(sink, masker.close())
    report(masker.take_findings())


class _Findings:
    """Counts findings and writes them as they come."""

    def __init__(self, lines: BinaryIO | None, found: Counter[str]) -> None:
        self._lines = lines
        self._found = found
        self._encode = msgspec.json.Encoder().encode

    def __call__(self, findings: list[Finding]) -> None:
        self._found.update(finding.rule for finding in findings)
        if self._lines is None or not findings:
            return
        try:
            self._lines.writelines(self._encode(finding._asdict()) + b"\n" for finding in findings)
            self._lines.flush()
        except OSError as error:
            raise _trouble("write the report", error) from None


def _rules(files: list[Path]) -> tuple[UserRule, ...]:
    """The rules in ``files``; raises CliError that says which file, line and why."""
    if not files:
        return ()
    from sidecar.masking.authoring.user_rules import load_all  # noqa: PLC0415  most runs need no YAML

    contents: list[tuple[str, bytes]] = []
    for file in files:
        try:
            contents.append((str(file), file.read_bytes()))
        except OSError as error:
            raise _trouble(f"read the rules in {file}", error, ExitCode.CONFIGURATION) from None
    try:
        return load_all(contents)
    except ConfigurationError as error:
        raise CliError(str(error), ExitCode.CONFIGURATION) from None


@contextmanager
def _report(file: Path | None, others: Mapping[str, os.stat_result]) -> Generator[BinaryIO | None]:
    """The report, if one is wanted; never in a file that is one of ``others``, which are read or written."""
    if file is None:
        yield None
        return
    for name, status in others.items():
        mixes = stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)
        if mixes and file.exists() and os.path.samestat(status, file.stat()):
            raise CliError(f"the report cannot be written to {file}: it is the {name}; name another file")
    try:
        lines = file.open("wb")
    except OSError as error:
        raise _trouble(f"write the report to {file}", error) from None
    try:
        yield lines
    finally:
        with suppress(OSError):  # every line was flushed or has failed aloud
            lines.close()


@contextmanager
def _progress(source: BinaryIO) -> Generator[Advance]:
    """Show how far it is, to who watches and does not see the output itself."""
    console = Console(stderr=True)
    size = _size(source)
    bar = () if size is None else (BarColumn(),)
    columns = (TextColumn("masking"), *bar, DownloadColumn(), TransferSpeedColumn())
    hidden = not console.is_terminal or sys.stdout.isatty()
    with Progress(*columns, console=console, disable=hidden, transient=True) as progress:
        task = progress.add_task("masking", total=size)

        def advance(count: int) -> None:
            progress.update(task, advance=count)

        yield advance


def _open(stream: TextIO | None, name: str) -> BinaryIO:
    """The bytes of a standard stream, which Python leaves out where it was closed."""
    if stream is None:
        raise CliError(f"standard {name} is closed")
    return stream.buffer


def _refuse_own_output(source: BinaryIO, sink: BinaryIO) -> None:
    """Raise CliError where what is written would be read again, without end."""
    status = os.fstat(source.fileno())
    appends = fcntl.fcntl(sink.fileno(), fcntl.F_GETFL) & os.O_APPEND
    if stat.S_ISREG(status.st_mode) and appends and os.path.samestat(status, os.fstat(sink.fileno())):
        raise CliError("the input is the output; write to another file")


def _size(source: BinaryIO) -> int | None:
    """How many bytes will come, where that is known."""
    status = os.fstat(source.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _summary(found: Counter[str]) -> str:
    if not found:
        return "Nothing was masked."
    return "Masked: " + ", ".join(f"{count} × {rule}" for rule, count in found.most_common())


def _read(source: BinaryIO) -> bytes:
    """What is there, without waiting for a full piece.

    Not through a buffer, to which a source that never blocks is at its end whenever it has nothing yet.
    """
    raw = getattr(source, "raw", source)
    try:
        while (piece := raw.read(PIECE)) is None:
            select.select([raw], [], [])
        return bytes(piece)
    except OSError as error:
        raise _trouble("read standard input", error) from None


def _write(sink: BinaryIO, data: bytes) -> None:
    """Write all of ``data``.

    Not through a buffer: there is none with PYTHONUNBUFFERED, and one refuses what a sink that never blocks
    does not take yet. Either sink takes a part at a time, and says how much.
    """
    raw = getattr(sink, "raw", sink)
    left = memoryview(data)
    try:
        while left:
            if (taken := raw.write(left)) is None:
                select.select([], [raw], [])
            else:
                left = left[taken:]
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _trouble("write standard output", error) from None


def _trouble(what: str, error: OSError, code: ExitCode = ExitCode.FAILED) -> CliError:
    return CliError(f"cannot {what}: {error.strerror}", code)
