"""Pods and other objects of the guarded namespace, made for a test and taken away after it."""

from kube import NAMESPACE, Kubectl, Object


class Workshop:
    """Makes pods in the guarded namespace and takes them away again."""

    def __init__(self, admin: Kubectl) -> None:
        self._admin = admin
        self._made: list[str] = []

    def pod(self, manifest: Object, *, ready: bool = True) -> str:
        """Create a pod, wait until it runs, give its name."""
        name = manifest["metadata"]["name"]
        self._admin.delete_now("-n", NAMESPACE, f"pod/{name}")
        self._made.append(f"pod/{name}")
        self._admin.apply(manifest)
        if ready:
            self._admin.run("wait", "-n", NAMESPACE, "--for=condition=Ready", f"pod/{name}", "--timeout=180s")
        return name

    def object(self, manifest: Object) -> None:
        """Create any other object of the namespace."""
        reference = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
        self._admin.delete_now("-n", NAMESPACE, reference)
        self._made.append(reference)
        self._admin.apply(manifest)

    def close(self) -> None:
        if self._made:
            self._admin.delete_now("-n", NAMESPACE, *self._made)
