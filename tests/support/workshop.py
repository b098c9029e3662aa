"""Pods and other objects of the guarded namespace, made for a test and taken away after it."""

from kube import NAMESPACE, Kubectl, Object, until

RECORDER = "chaperone-recorder"


class Workshop:
    """Makes pods in the guarded namespace and takes them away again."""

    def __init__(self, admin: Kubectl) -> None:
        self._admin = admin
        self._made: list[str] = []

    def pod(self, manifest: Object, *, ready: bool = True) -> str:
        """Create a pod, wait until it runs and its recorder listens, give its name."""
        [name] = self.pods(manifest, ready=ready)
        return name

    def pods(self, *manifests: Object, ready: bool = True) -> list[str]:
        """The same of several that start side by side."""
        names = [manifest["metadata"]["name"] for manifest in manifests]
        references = [f"pod/{name}" for name in names]
        self._admin.delete_now("-n", NAMESPACE, *references)
        self._made += references
        self._admin.apply(*manifests)
        if ready:
            wait = ("wait", "-n", NAMESPACE, "--for=condition=Ready", "--timeout=180s")
            self._admin.run(*wait, *references)
        for name in names if ready else ():
            until(lambda name=name: self._listens(name), what=f"a recorder of {name} that listens")
        return names

    def _listens(self, name: str) -> bool:
        """On a busy machine a pod is ready before its recorder has put the shim there; or it has none."""
        log = self._admin.try_("logs", "-n", NAMESPACE, name, "-c", RECORDER)
        return "listening for" in log.text or f"container {RECORDER} is not valid" in log.error

    def expect(self, reference: str) -> None:
        """Take away in the end what something else makes."""
        self._made.append(reference)

    def object(self, manifest: Object) -> None:
        """Create any other object of the namespace."""
        reference = f"{manifest['kind'].lower()}/{manifest['metadata']['name']}"
        self._admin.delete_now("-n", NAMESPACE, reference)
        self._made.append(reference)
        self._admin.apply(manifest)

    def close(self) -> None:
        if self._made:
            self._admin.delete_now("-n", NAMESPACE, *self._made)
