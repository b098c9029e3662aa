"""One root error, split by who is to blame.

Messages are shown to people and agents and are written to logs, so they name the input and the fix and
never hold card data, tokens, keys or secret values.
"""


class ChaperoneError(Exception):
    """Root of every error the project raises on purpose."""


class CallerError(ChaperoneError):
    """The caller sent something wrong: a malformed frame, a bad grant, an unknown session."""


class ConfigurationError(ChaperoneError):
    """The installation is set up wrong: a bad setting, a missing key, a broken policy."""


class ClusterError(ChaperoneError):
    """The surroundings failed: API server, store or network."""


class BugError(ChaperoneError):
    """An invariant of the project itself does not hold."""
