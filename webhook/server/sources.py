"""Who a part of Chaperone tells as."""

import time

from sidecar.contract.sealing import Identity
from webhook.accounts import user_of
from webhook.approvals.telling import Source
from webhook.settings import Settings


def source(settings: Settings, account: str) -> Source:
    """Give who tells of audit events."""
    itself = Identity(user_of(settings.namespace, account))
    return Source(origin=settings.pod, itself=itself, clock=time.time_ns)
