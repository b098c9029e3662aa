"""``kubectl debug`` with the image of the tests, and what became of the container."""

from kube import NAMESPACE, Kubectl
from pods import APP_IMAGE

_IMAGE = ("--image", APP_IMAGE, "--image-pull-policy=IfNotPresent")


def debug(name: str, *options: str) -> tuple[str, ...]:
    """Give the arguments that add a debug container to a pod."""
    return ("debug", "-n", NAMESPACE, name, *_IMAGE, *options)


def ended(admin: Kubectl, name: str, code: int) -> str | None:
    """Give the name of a debug container that ended so, if one did."""
    statuses = admin.get("pod", name, "-n", NAMESPACE)["status"].get("ephemeralContainerStatuses", [])
    states = {one["name"]: one["state"].get("terminated", {}).get("exitCode") for one in statuses}
    return next((one for one, exit_code in states.items() if exit_code == code), None)
