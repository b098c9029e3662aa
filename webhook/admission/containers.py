"""Which container of a pod somebody means, and that nobody means the recorder."""

from sidecar.contract.names import RECORDER_CONTAINER
from webhook.admission.denials import bad_request, deny
from webhook.admission.pods import Container, Pod
from webhook.admission.review import Answer

_NOBODY = f"nobody gets into the recorder ({RECORDER_CONTAINER}), whoever asks"


def container_of(asked: str | None, pod: Pod) -> Container | Answer:
    """Give the container meant, defaulted and refused as the API server does (its ``ValidateContainer``)."""
    spec, name = pod.spec, pod.metadata.name
    if not asked and len(spec.containers) == 1:
        return spec.containers[0]
    if not asked:
        choices = " ".join(container.name for container in spec.containers)
        return bad_request(f"a container name must be specified for pod {name}, choose one of: [{choices}]")
    found = next((container for container in spec.everything if container.name == asked), None)
    return found or bad_request(f"container {asked} is not valid for pod {name}")


def recorder_is_closed(asked: str, *, field: str = "container", why: str = _NOBODY) -> Answer:
    """Give the refusal of a way into the recorder."""
    remedy = "name the application's container, and leave alone what is Chaperone's"
    return deny(asked, why=why, remedy=remedy, rule="RecorderIsClosed", field=field)
