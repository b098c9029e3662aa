"""What ``chaperone evidence verify`` does."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from webhook.cli.failures import CliError, ExitCode
from webhook.cli.ledger_verification import read_note, read_roots
from webhook.cli.options import Format
from webhook.cli.output import console, print_json
from webhook.evidence.checking import Checked, Kept, check_bundle
from webhook.ledger.verifying import BrokenError
from webhook.replay.safety import printable


def run(path: Path, roots: Sequence[str], kept: Sequence[Path], output: Format) -> None:
    """Check a bundle, and print what holds. Raises CliError with the first broken link."""
    trusted, checkpoints = read_roots(roots), [Kept(str(one), read_note(one)) for one in kept]
    try:
        with _opened(path) as file:
            checked = check_bundle(file, trusted, checkpoints)
    except BrokenError as error:
        if output is Format.JSON:
            print_json({"holds": False, "broken": str(error)})
        raise CliError(f"the evidence is broken: {printable(str(error))}") from None
    if output is Format.JSON:
        print_json(checked)
        return
    screen = console()
    for line in _lines(checked, is_trusted=bool(trusted)):
        screen.print(line)


def _lines(checked: Checked, *, is_trusted: bool) -> list[str]:
    roots = ", ".join(base64.b64encode(bytes.fromhex(root)).decode() for root in checked.roots)
    counted = "Complete" if checked.complete and checked.counted else "Counted"
    lines = [
        f"Evidence      {printable(checked.asked)}",
        f"Ledger        {printable(checked.origin)}",
        f"Root          {roots}",
        *([] if is_trusted else ["              taken from the bundle: compare it, and give it with --root"]),
        f"Checkpoint    {checked.size} entries; the range lies in those from {checked.start} on",
        f"Entries       {checked.entries} given and proven; of {checked.undisclosed} others it has hashes",
        f"{counted:<14}{checked.counted or 'not asked of a single session'}",
        f"Sessions      {checked.sessions}, as they were sealed, frame by frame",
    ]
    if checked.removed:
        lines.append(
            f"Removed       {checked.removed} are gone because their time was over, as the ledger says"
        )
    if checked.lost:
        lines.append(
            f"Lost          {checked.lost} as far as known when their recorders were taken for lost; a later"
            " export of the range shows whether they went on"
        )
    if checked.unsealed:
        lines.append(f"Not sealed    {checked.unsealed} were let start, and never began or had not ended")
    if not checked.complete:
        lines.append(
            "Range         its end is later than what was sealed, so something of it may be missing:"
            " export it again later"
        )
    end = "The evidence holds."
    if not checked.pages:
        lines.append("Page          written by another version, so tables and page are signed, not compared")
        end = "The record holds. What tables and page say beside it was not compared."
    lines += [
        f"Kept          {printable(name)}: agrees, {size} entries" for name, size in checked.kept.items()
    ]
    return [*lines, end]


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}", ExitCode.USAGE) from None
