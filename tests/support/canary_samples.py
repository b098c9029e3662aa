"""Sessions of canaries, as the collector keeps them."""

from typing import Any

from store_samples import Growing, data_payload, make_record, start_payload

from sidecar.contract.events import Channel, Data, encode_event
from sidecar.contract.sealing import Identity
from webhook.audit_api.canary_objects import MASKED
from webhook.store.contract import Phase, Store

WHO = Identity("canary-sender")


def mark(number: int) -> str:
    return f"canary{number:016x}"


def sent(store: Store, number: int, shown: str = MASKED, **changes: Any) -> str:
    """Keep a canary's session; give its id."""
    fields = {
        "identity": WHO,
        "pod": "bird",
        "phase": Phase.COMPLETED,
        "findings": {"pan/visa": 2},
        **changes,
    }
    growing = Growing(store.create(make_record(number, identity=fields["identity"], pod=fields["pod"])))
    line = f"{mark(number)} {shown}\n"
    typed = encode_event(Data(1, Channel.STDIN, f"{mark(number)} {MASKED}\n".encode()))
    record, frames = growing.grow(
        start_payload(growing.record), typed, data_payload(line.encode(), at=2), **fields
    )
    store.append(record, frames, [growing.says(line)])
    return record.session
