"""What a session's document says is found in its manifest or its frames, field by field."""

from typing import Any

import msgspec
from store_samples import T0, Growing, make_record, start_payload

from sidecar.contract.events import Channel, Ending, Program, SessionKind, Untraced, encode_event
from sidecar.contract.sealing import Decision, Identity
from webhook.audit_api.conversion import session_object
from webhook.cli.retelling import Retelling, retold_difference
from webhook.cli.session_checks import difference
from webhook.collector.manifests import manifest_of
from webhook.store.contract import Phase, SessionRecord, Unfinished

OTHER: dict[str, Any] = {
    "session": "01hzzzzzzzzzzzzzzzzzzzzzzz",
    "namespace": "other",
    "pod": "other",
    "pod_uid": "other",
    "container": "other",
    "node": "other",
    "identity": Identity("other"),
    "decision": Decision("deny", "built-in", "record-everything", "r-1", T0),
    "argv": ("true",),
    "tty": False,
    "stdin": True,
    "rows": 25,
    "cols": 81,
    "profile": "other",
    "masking": "other",
    "recorder": "other",
    "grant_digest": bytes(32),
    "started_at": T0 + 10**9,
    "clock_skew": 10**9,
    "updated_at": T0 + 10**9,
    "next_sequence": 9,
    "digest": bytes(32),
    "phase": Phase.INTERRUPTED,
    "ended_at": T0 + 10**10,
    "how": Ending.KILLED,
    "reason": "other",
    "exit_code": 1,
    "stdin_bytes": 7,
    "stdout_bytes": 7,
    "stderr_bytes": 7,
    "findings": {"pan/visa": 7},
    "programs": 7,
    "untraced": "other",
    "kind": SessionKind.MAIN_PROCESS,
    "content": False,
    "resumed": True,
    "previous": "01hzzzzzzzzzzzzzzzzzzzzzzz",
    "unfinished": (Unfinished(Channel.STDOUT, 1, 1, b"x"),),
}
NOT_SHOWN = {"grant_digest", "unfinished"}
"""What the API does not show of a session."""
NOT_SEALED = {"updated_at"}
"""When the collector last changed it, which the collector tells itself (docs/ledger.md)."""


def test_no_field_of_a_session_changes_unseen() -> None:
    assert set(OTHER) == set(SessionRecord.__struct_fields__)
    growing = Growing(make_record(tty=True, rows=24, cols=80))
    events = (Program(1, 7, 1, 0, "/bin/sh", "/", ("sh",)), Untraced(2, "why"))
    ended = {"phase": Phase.COMPLETED, "how": Ending.EXITED, "exit_code": 0, "ended_at": T0 + 5}
    record, frames = growing.grow(
        start_payload(growing.record), *map(encode_event, events), programs=1, untraced="why", **ended
    )
    manifest, told = manifest_of(record, frames[0].digest, sealed_at=T0), Retelling()
    assert list(told.listen(frames)) == frames

    def found(**changes: Any) -> str:
        session = session_object(msgspec.structs.replace(record, **changes))
        return difference(manifest, session) or retold_difference(manifest, session, told)

    assert found() == ""
    unseen = {name for name, value in OTHER.items() if not found(**{name: value})}
    assert unseen == NOT_SHOWN | NOT_SEALED
