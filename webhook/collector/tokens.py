"""Who is calling: a recorder's projected service-account token, reviewed by the API server."""

from typing import Final, Protocol

import msgspec

from sidecar.contract.errors import CallerError
from sidecar.contract.names import TOKEN_AUDIENCE
from webhook.accounts import SERVICE_ACCOUNT
from webhook.collector.proving import PodIdentity
from webhook.kube.api import KubeApi

MAX_TOKEN_BYTES: Final = 16 * 1024
_REVIEWS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
_POD_NAME: Final = "authentication.kubernetes.io/pod-name"
_POD_UID: Final = "authentication.kubernetes.io/pod-uid"


class TokenRefusedError(CallerError):
    """A token that proves no pod. The text does not hold it."""


class TokenReviewer(Protocol):
    """Finds the pod that a token was made for."""

    def review(self, token: str) -> PodIdentity:
        """Give the pod. Blocks. Raises TokenRefusedError, and ClusterError when nobody can tell now."""
        ...


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    extra: dict[str, list[str]] = {}


class _Status(msgspec.Struct, frozen=True):
    authenticated: bool = False
    user: _User = _User()
    audiences: list[str] = []


class _Review(msgspec.Struct, frozen=True):
    status: _Status = _Status()


class KubeTokenReviewer:
    """Asks the API server (TokenReview, authentication.k8s.io/v1; pod claims: KEP-1205, KEP-4193)."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    def review(self, token: str) -> PodIdentity:
        """Give the pod that a token is bound to."""
        if not token or len(token) > MAX_TOKEN_BYTES:
            raise TokenRefusedError("there is no token, or it is too long")
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [TOKEN_AUDIENCE]},
        }
        return _identity(self._api.request("POST", _REVIEWS, body=body).decode(_Review).status)


def _identity(status: _Status) -> PodIdentity:
    if not status.authenticated or TOKEN_AUDIENCE not in status.audiences:
        raise TokenRefusedError("the token is not valid for the collector")
    names, uids = status.user.extra.get(_POD_NAME, []), status.user.extra.get(_POD_UID, [])
    namespace, _, account = status.user.username.removeprefix(SERVICE_ACCOUNT).partition(":")
    is_account = status.user.username.startswith(SERVICE_ACCOUNT) and namespace and account
    if not is_account or len(names) != 1 or len(uids) != 1:
        raise TokenRefusedError("the token is not bound to a pod")
    return PodIdentity(namespace, names[0], uids[0], account)
