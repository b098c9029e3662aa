"""GuardPolicy objects of the cluster: followed, compiled off the event loop, and told what became of them."""

import datetime as dt
import logging
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import msgspec

from sidecar.contract.errors import ClusterError
from webhook.kube.api import MERGE_PATCH, KubeApi
from webhook.policy.active import ActivePolicies, LastGood, State
from webhook.server.interpreter import building, settle
from webhook.server.logs import FIELDS

PATH: Final = "/apis/chaperone.dev/v1alpha1/guardpolicies"
_log = logging.getLogger(__name__)


class Condition(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """``metav1.Condition``."""

    type: str
    status: str
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    conditions: tuple[Condition, ...] = ()
    last_good: LastGood | None = None


class _Metadata(msgspec.Struct, frozen=True):
    name: str


class _Object(msgspec.Struct, frozen=True):
    metadata: _Metadata
    status: _Status | None = None


class PolicyKeeper:
    """Takes what a watch tells of policies, has it compiled, and writes conditions.

    Every replica does the same; who comes first writes, and the others find nothing to write. Called from one
    thread.
    """

    def __init__(
        self,
        api: KubeApi,
        policies: ActivePolicies,
        *,
        clock: Callable[[], dt.datetime],
        told: Callable[[list[State]], None] = lambda _: None,
    ) -> None:
        """``told`` hears what became of all policies, each time any of them changed."""
        self._api = api
        self._policies = policies
        self._clock = clock
        self._told = told
        self._objects: dict[str, msgspec.Raw] = {}

    def listed(self, objects: list[msgspec.Raw]) -> None:
        """Take all policies there are."""
        self._objects = {_read(obj).metadata.name: obj for obj in objects}
        self._take()

    def changed(self, obj: msgspec.Raw) -> None:
        """Take one that was added or changed."""
        self._objects[_read(obj).metadata.name] = msgspec.Raw(bytes(obj))
        self._take()

    def deleted(self, obj: msgspec.Raw) -> None:
        """Forget one."""
        self._objects.pop(_read(obj).metadata.name, None)
        self._take()

    def _take(self) -> None:
        if self._policies.known:
            with building() as pace:
                states = self._policies.take(self._objects, pace)
        else:
            states = self._policies.take(self._objects)
            settle()
        self._told(states)
        for state in states:
            self._tell(state, _read(self._objects[state.name]))
        broken = [state.name for state in states if state.error]
        _log.info("policies", extra={FIELDS: {"count": len(states), "broken": broken}})

    def _tell(self, state: State, obj: _Object) -> None:
        told = obj.status or _Status()
        good = LastGood(state.good) if state.good else None
        kept = good if state.active else told.last_good
        wanted = _Status(conditions(state, told.conditions, now=self._clock()), kept)
        if wanted == told:
            return
        body = {
            "metadata": {"resourceVersion": state.resource_version},
            "status": msgspec.to_builtins(wanted),
        }
        path = f"{PATH}/{quote(state.name, safe='')}/status"
        reply = self._api.request("PATCH", path, body=body, content_type=MERGE_PATCH)
        if reply.status not in {200, 404, 409}:
            _log.warning("policy status", extra={FIELDS: {"policy": state.name, "answer": reply.status}})


def conditions(state: State, told: tuple[Condition, ...], *, now: dt.datetime) -> tuple[Condition, ...]:
    """Give the conditions of a policy; one that stays as it is keeps its time."""
    before = {condition.type: condition for condition in told}
    stamp = now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def condition(kind: str, *, holds: bool, reason: str, message: str) -> Condition:
        status, old = "True" if holds else "False", before.get(kind)
        return Condition(
            type=kind,
            status=status,
            reason=reason,
            message=message,
            observed_generation=state.generation,
            last_transition_time=old.last_transition_time if old and old.status == status else stamp,
        )

    compiled = not state.error
    active = "this version decides" if compiled else "the last good version decides"
    without_effect = condition(
        "Reached", holds=False, reason="DoorNeverAsked", message="; ".join(state.remarks)[:1024]
    )
    return (
        condition(
            "Compiled",
            holds=compiled,
            reason="Compiled" if compiled else "Broken",
            message=state.error[:1024],
        ),
        condition(
            "Active",
            holds=state.active,
            reason="Active" if compiled else ("LastGoodVersion" if state.active else "NoGoodVersion"),
            message=active if state.active else "no good version of it is known, so it decides nothing",
        ),
        *((without_effect,) if state.remarks else ()),
    )


def _read(obj: msgspec.Raw) -> _Object:
    try:
        return msgspec.json.decode(obj, type=_Object)
    except msgspec.MsgspecError as error:
        raise ClusterError(f"a GuardPolicy cannot be read: {error}") from None
