"""Why a notification did not go out."""

from sidecar.contract.errors import ClusterError


class DeliveryError(ClusterError):
    """A receiver did not take a notification. Says why without its URL."""

    def __init__(self, why: str, *, is_final: bool) -> None:
        super().__init__(why)
        self.is_final = is_final
        """Whether trying again is of no use."""
