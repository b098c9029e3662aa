"""Pod manifests for tests. The images are built by ``scripts/cluster install --for-tests``."""

from kube import NAMESPACE, Object

APP_IMAGE = "localhost/chaperone-test-app:dev"
STATIC_IMAGE = "localhost/chaperone-test-static:dev"


def container(
    name: str = "app", *, image: str = APP_IMAGE, command: list[str] | None = None, **more: object
) -> Object:
    """A container that sleeps until it is told to end."""
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command or ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
        **more,
    }


def static(name: str = "app") -> Object:
    """A container without a shell or a libc."""
    return container(name, image=STATIC_IMAGE, command=["/tool", "sleep", "infinity"])


def pod(
    name: str,
    *containers: Object,
    namespace: str = NAMESPACE,
    annotations: Object | None = None,
    **spec: object,
) -> Object:
    """A pod that ends quickly when deleted."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": name},
            "annotations": annotations or {},
        },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "automountServiceAccountToken": False,
            "containers": list(containers) or [container()],
            **spec,
        },
    }


def restricted() -> Object:
    """A container security context that Pod Security *restricted* admits."""
    return {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
