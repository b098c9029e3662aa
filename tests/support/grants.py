"""Grants as anybody in a container can take them: from the shim's own command line."""

import time
from dataclasses import dataclass

from kube import NAMESPACE, Kubectl

OWN_GRANT = r"tr '\0' '\n' < /proc/$PPID/cmdline | sed -n 2p"
_LIFE_SECONDS = 60 + 30
"""A grant lives for a minute; half a minute more is allowed for clocks that differ."""


def own_grant(agent: Kubectl, name: str, container: str = "app") -> str:
    """Give the grant of a session that prints it: it is used."""
    return agent.run("exec", "-n", NAMESPACE, name, "-c", container, "--", "sh", "-c", OWN_GRANT).strip()


@dataclass(frozen=True)
class OldGrant:
    """A used grant of container ``app`` in a pod, and when it was taken (``time.monotonic``)."""

    pod: str
    token: str
    at: float

    def expired(self) -> str:
        """Give it once its time is over."""
        time.sleep(max(0.0, self.at + _LIFE_SECONDS + 5 - time.monotonic()))
        return self.token
