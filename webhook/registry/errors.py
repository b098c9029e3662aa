"""Why an image's program is not known."""

from sidecar.contract.errors import ClusterError


class ImageError(ClusterError):
    """An image that could not be asked for its program; the text says why, without what a registry sent."""
