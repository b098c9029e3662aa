"""What somebody with all rights in OpenSearch does to the documents there, without the code under test."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Request = Callable[[str, str, object], Any]
"""Method, path and body of a request to the server; gives the answer."""


@dataclass
class Tamper:
    """Changes and removes documents whose names start with a prefix."""

    request: Request
    prefix: str

    def block(self, number: int) -> bytes:
        """The block of ledger entries that begins with a number."""
        found = self.request("GET", f"/{self.prefix}-ledger/_doc/{number}", None)
        return base64.b64decode(found["_source"]["chaperone"]["block"])

    def put_block(self, number: int, block: bytes) -> None:
        self._update(f"{self.prefix}-ledger", str(number), {"chaperone": {"block": _base64(block)}})

    def change_block(self, number: int, old: bytes, new: bytes) -> None:
        block = self.block(number)
        assert old in block
        self.put_block(number, block.replace(old, new))

    def remove_block(self, number: int) -> None:
        self.request("DELETE", f"/{self.prefix}-ledger/_doc/{number}?refresh=true", None)

    def frame(self, session: str, sequence: int) -> Mapping[str, Any]:
        """A frame's document, with the index that it is really in."""
        query = {
            "bool": {
                "filter": [{"term": {"chaperone.session": session}}, {"term": {"event.sequence": sequence}}]
            }
        }
        path = f"/{self.prefix}-events/_search"
        self.request("POST", f"/{self.prefix}-events/_refresh", None)
        (found,) = self.request("POST", path, {"query": query})["hits"]["hits"]
        return found

    def change_frame(self, session: str, sequence: int, old: bytes, new: bytes) -> None:
        found = self.frame(session, sequence)
        payload = base64.b64decode(found["_source"]["chaperone"]["payload"])
        assert old in payload
        changed = {"chaperone": {"payload": _base64(payload.replace(old, new))}}
        self._update(found["_index"], found["_id"], changed)

    def swap_frames(self, session: str, one: int, other: int) -> None:
        """Let two frames be one in the other's place."""
        first, second = self.frame(session, one), self.frame(session, other)
        for here, there in ((first, second), (second, first)):
            taken = {name: there["_source"]["chaperone"][name] for name in ("payload", "digest")}
            self._update(here["_index"], here["_id"], {"chaperone": taken})

    def remove_frame(self, session: str, sequence: int) -> None:
        found = self.frame(session, sequence)
        self.request("DELETE", f"/{found['_index']}/_doc/{found['_id']}?refresh=true", None)

    def change_session(self, session: str, fields: Mapping[str, object]) -> None:
        """Change fields beside the record of a session."""
        query = {"query": {"ids": {"values": [session]}}}
        path = f"/{self.prefix}-sessions-*/_search"
        self.request("POST", f"/{self.prefix}-sessions-*/_refresh", None)
        (found,) = self.request("POST", path, query)["hits"]["hits"]
        self._update(found["_index"], session, fields)

    def remove_session(self, session: str) -> None:
        """Remove all that is kept of a session but its entries of the ledger."""
        indices = ",".join(f"{self.prefix}-{name}" for name in ("sessions-*", "passages-*", "events"))
        path = f"/{indices}/_delete_by_query?refresh=true&ignore_unavailable=true"
        gone = self.request("POST", path, {"query": {"term": {"chaperone.session": session}}})
        assert gone["deleted"]

    def _update(self, index: str, document: str, changed: object) -> None:
        self.request("POST", f"/{index}/_update/{document}?refresh=true", {"doc": changed})


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
