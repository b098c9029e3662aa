"""Who a part of Chaperone writes as, and tells as."""

import time

from sidecar.contract.sealing import Identity
from webhook.approvals.telling import Source
from webhook.settings import Settings

ADMISSION = "chaperone-admission"
COLLECTOR = "chaperone-collector"


def service_account(settings: Settings, name: str) -> str:
    """Give the user that a part of Chaperone writes as."""
    return f"system:serviceaccount:{settings.namespace}:{name}"


def source(settings: Settings, account: str) -> Source:
    """Give who tells of audit events."""
    itself = Identity(service_account(settings, account))
    return Source(origin=settings.pod, itself=itself, clock=time.time_ns)
