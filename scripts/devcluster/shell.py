"""Running other programs."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devcluster.errors import CommandError, PrerequisiteError


def run(
    argv: Sequence[str | Path],
    *,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    timeout: float | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end and give its output as text.

    `environment` is added to ours. Raises CommandError on a failure (with the last lines of output),
    PrerequisiteError when there is no such program.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, **environment} if environment else None,
            cwd=folder,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise PrerequisiteError(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(Path(words[0]).name, 124, f"no answer within {timeout:g} s") from error
    if check and done.returncode != 0:
        raise CommandError(
            " ".join([Path(words[0]).name, *words[1:3]]), done.returncode, done.stdout + done.stderr
        )
    return done
