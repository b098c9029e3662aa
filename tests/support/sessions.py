"""What the audit API tells of a session, as a test wants to look at it."""

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

from kube import NAMESPACE, Kubectl, Object, until

API = "/apis/audit.chaperone.dev/v1alpha1"


@dataclass(frozen=True)
class Recorded:
    """A session's object and its events."""

    object: Object
    events: list[Object]

    @property
    def name(self) -> str:
        return self.object["metadata"]["name"]

    @property
    def status(self) -> Object:
        return self.object["status"]

    def data(self, channel: str) -> bytes:
        """All bytes of one channel, in order."""
        return b"".join(
            base64.b64decode(event["data"])
            for event in self.events
            if event["type"] == "data" and event["channel"] == channel
        )

    def of(self, kind: str) -> list[Object]:
        """All events of one type."""
        return [event for event in self.events if event["type"] == kind]


def marker() -> str:
    """A word that leads from a command line to its session."""
    return f"m{uuid.uuid4().hex[:12]}"


@dataclass(frozen=True)
class Audit:
    """The record as an auditor reads it."""

    kubectl: Kubectl
    namespace: str = NAMESPACE

    def find(self, mark: str) -> list[Object]:
        """Sessions among the newest whose command line holds a marker."""
        items = self.kubectl.raw(f"{API}/namespaces/{self.namespace}/sessions?limit=60")["items"]
        return [item for item in items if mark in " ".join(item["spec"]["command"])]

    def recorded(self, mark: str, *, phase: str = "Completed", seconds: float = 60.0) -> Recorded:
        """The one session of a marker, once it is in a phase."""

        def probe() -> Object | None:
            found = [item for item in self.find(mark) if item["status"]["phase"] == phase]
            return found[0] if found else None

        item = until(probe, seconds=seconds, what=f"a session {mark} in phase {phase}")
        return self.record_of(item)

    def decisions(self, name: str) -> list[Object]:
        """Decisions about an object among the newest on record, by the name that was asked for."""
        fields = "limit=200&fieldSelector=type%3Ddecision"
        items = self.kubectl.raw(f"{API}/namespaces/{self.namespace}/auditevents?{fields}")["items"]
        return [item for item in items if item["about"].get("name") == name]

    def own_sessions(self, pod: str, container: str) -> list[Object]:
        """The sessions of a container's own program, newest first."""
        fields = f"fieldSelector=spec.pod%3D{pod},spec.kind%3Dmain-process"
        items = self.kubectl.raw(f"{API}/namespaces/{self.namespace}/sessions?{fields}")["items"]
        return [item for item in items if item["spec"]["container"] == container]

    def of_own_program(self, pod: str, container: str) -> list[Recorded]:
        """The same with their events."""
        return [self.record_of(item) for item in self.own_sessions(pod, container)]

    def record_of(self, item: Object) -> Recorded:
        """A session with its events as they are now."""
        return Recorded(item, self.events(item["metadata"]["name"]))

    def events(self, name: str) -> list[Object]:
        """All events of a session, page by page."""
        events: list[Object] = []
        while True:
            path = f"{API}/namespaces/{self.namespace}/sessions/{name}/events?start={len(events)}&limit=1000"
            page: Any = json.loads(self.kubectl.run("get", "--raw", path))
            if not page["items"]:
                return events
            events += page["items"]
