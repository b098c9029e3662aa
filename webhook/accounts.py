"""The service accounts that Chaperone runs as, and how the API server names service accounts."""

from typing import Final

ADMISSION: Final = "chaperone-admission"
COLLECTOR: Final = "chaperone-collector"
SERVICE_ACCOUNT: Final = "system:serviceaccount:"
"""The API server gives names that begin so to nobody else."""


def user_of(namespace: str, account: str) -> str:
    """Give the user that a service account is."""
    return f"{SERVICE_ACCOUNT}{namespace}:{account}"


def own_users(namespace: str) -> frozenset[str]:
    """Give the users that a Chaperone in this namespace acts as."""
    return frozenset(user_of(namespace, account) for account in (ADMISSION, COLLECTOR))
