"""How commands fail: one sentence that says what to do, and an exit code that programs can tell apart."""

from enum import IntEnum

from sidecar.contract.errors import ChaperoneError


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    FORBIDDEN = 4
    CONFIGURATION = 5
    UNAVAILABLE = 6
    INTERRUPTED = 130


class CliError(ChaperoneError):
    """A command cannot go on."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.code = code
