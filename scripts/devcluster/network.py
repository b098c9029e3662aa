"""The one link between host and cluster, and the cluster's addresses."""

import hashlib
import ipaddress
import json
from dataclasses import dataclass

from devcluster.errors import ClusterToolError
from devcluster.node import Node
from devcluster.settings import Settings
from devcluster.shell import run

LINKS = ipaddress.ip_network("10.201.0.0/16")
POD_RANGE = "10.88.0.0/16"
SERVICE_RANGE = "10.96.0.0/16"
KUBERNETES_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
UPLINK = "uplink"


@dataclass(frozen=True)
class Link:
    """Addresses of the two ends of a cluster's link."""

    host: str
    node: str


def link_of(subnet: int) -> Link:
    """The addresses of the nth /30."""
    base = LINKS.network_address + 4 * subnet
    return Link(str(base + 1), str(base + 2))


def choose_subnet(ident: str, taken: list[str]) -> int:
    """Index of a free /30: the same for the same cluster unless it is taken.

    `taken` holds networks in CIDR notation. Raises ClusterToolError when none is free.
    """
    networks = [ipaddress.ip_network(text, strict=False) for text in taken]
    count = LINKS.num_addresses // 4
    first = int.from_bytes(hashlib.sha256(ident.encode()).digest()[:4], "big")
    for step in range(count):
        index = (first + step) % count
        candidate = ipaddress.ip_network((int(LINKS.network_address) + 4 * index, 30))
        if not any(candidate.overlaps(network) for network in networks):
            return index
    raise ClusterToolError(f"no free /30 within {LINKS} for the link to the cluster")


def networks_in_use() -> list[str]:
    """IPv4 networks that the host has routes to, other than its default route."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]).stdout or "[]")
    return [route["dst"] for route in routes if route["dst"] != "default"]


def connect(settings: Settings, node: Node, link: Link) -> None:
    """Lay the link and the node's routes and masquerading; does nothing where they are in place."""
    if node.run(["ip", "link", "show", UPLINK], check=False).returncode != 0:
        disconnect(settings)
        peer = ["peer", "name", UPLINK, "netns", str(node.init.pid)]
        run(["ip", "link", "add", "name", settings.interface, "type", "veth", *peer])
    run(["ip", "address", "replace", f"{link.host}/30", "dev", settings.interface])
    run(["ip", "link", "set", settings.interface, "up"])
    for words in (
        f"link set {UPLINK} up",
        "link set lo up",
        f"address replace {link.node}/30 dev {UPLINK}",
        f"route replace {SERVICE_RANGE} via {link.host}",
    ):
        node.run(["ip", *words.split()])
    node.run(["nft", "-f", "-"], stdin=render_masquerade())


def disconnect(settings: Settings) -> None:
    """Remove the host's end of the link, which removes the other one too."""
    if run(["ip", "link", "show", settings.interface], check=False).returncode == 0:
        run(["ip", "link", "delete", settings.interface])


def render_masquerade() -> str:
    """nftables rules, within the node only: what leaves over the link carries the node's address."""
    return f"""
table ip chaperone {{}}
delete table ip chaperone
table ip chaperone {{
  chain leaving {{
    type nat hook postrouting priority srcnat;
    oifname "{UPLINK}" ip saddr {POD_RANGE} masquerade
  }}
}}
"""
