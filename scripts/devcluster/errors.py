"""What can go wrong, by who is to blame."""


class ClusterToolError(Exception):
    """Root of every error that `scripts/cluster` reports without a traceback."""


class UsageError(ClusterToolError):
    """The caller asked for something that cannot be done as asked."""


class PrerequisiteError(ClusterToolError):
    """Something is missing on this machine; the text names it."""


class CommandError(ClusterToolError):
    """A program that was started ended with a failure."""

    def __init__(self, program: str, status: int, output: str) -> None:
        tail = "\n".join(output.strip().splitlines()[-15:])
        super().__init__(f"{program} failed with status {status}" + (f":\n{tail}" if tail else ""))
        self.status = status


class NotReadyError(ClusterToolError):
    """A component did not become ready in time."""
