"""Settings of the installed control side, changed for the length of a test."""

from collections.abc import Generator
from contextlib import contextmanager

from kube import SYSTEM, Kubectl


def setting(admin: Kubectl, role: str, name: str) -> str:
    """Give an environment variable of a role (``admission`` or ``collector``)."""
    listed = admin.run("set", "env", "-n", SYSTEM, f"deployment/chaperone-{role}", "--list")
    return listed.split(f"{name}=")[1].splitlines()[0]


@contextmanager
def changed(admin: Kubectl, role: str, name: str, value: str) -> Generator[None]:
    """Let a role run with another value."""
    before = setting(admin, role, name)
    try:
        _change(admin, role, name, value)
        yield
    finally:
        _change(admin, role, name, before)


def _change(admin: Kubectl, role: str, name: str, value: str) -> None:
    """Set a variable, and wait until no replica is left that goes by the old one."""
    deployment = ("-n", SYSTEM, f"deployment/chaperone-{role}")
    replicas = admin.get("-n", SYSTEM, "pods", "-l", f"app.kubernetes.io/component={role}")["items"]
    admin.run("set", "env", *deployment, f"{name}={value}")
    admin.run("rollout", "status", *deployment, "--timeout=120s")
    old = [f"pod/{item['metadata']['name']}" for item in replicas]
    admin.run("wait", "-n", SYSTEM, "--for=delete", *old, "--timeout=120s")
