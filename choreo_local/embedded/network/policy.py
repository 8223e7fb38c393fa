"""NetworkPolicies: may one Pod connect to another? Pure.

The reference for what `isolated/filtering.py` has the kernel enforce; on runtimes that cannot
enforce policies it tells what would be refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.network.selectors import matches_labels

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a connection; without a namespace it is no Pod but an address outside.

    Attributes:
        ports: numbers of the Pod's named ports, as policies may name them.
    """

    address: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_pod(self) -> bool:
        """Whether policies can select it."""
        return bool(self.namespace)


@dataclass(frozen=True, slots=True)
class Connection:
    """What is attempted."""

    source: Peer
    target: Peer
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a connection is allowed, and the policies that refuse it otherwise."""

    allowed: bool
    refused_by: tuple[str, ...] = ()


def evaluate(policies: Iterable[Manifest], connection: Connection) -> Verdict:
    """Whether egress of the source and ingress of the target both allow a connection.

    A Pod that no policy selects for a direction is open in it; one that is selected is open only
    to what some of these policies allow.
    """
    policies = list(policies)
    refused: list[str] = []
    for direction, end in (("Egress", connection.source), ("Ingress", connection.target)):
        selecting = [each for each in policies if end.is_pod and selects(each, end, direction)]
        if selecting and not any(_allows(each, direction, connection) for each in selecting):
            refused += [_name(each) for each in selecting]
    return Verdict(not refused, tuple(dict.fromkeys(refused)))


def _name(policy: Manifest) -> str:
    return f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"


def selects(policy: Manifest, pod: Peer, direction: str) -> bool:
    """Whether a policy restricts a Pod in a direction, Ingress or Egress."""
    spec = policy["spec"]
    if policy["metadata"]["namespace"] != pod.namespace or direction not in types(spec):
        return False
    return matches_labels(spec.get("podSelector") or {}, pod.labels)


def types(spec: Mapping[str, Any]) -> Sequence[str]:
    """The directions that a policy speaks of: Ingress, and Egress if it has such rules."""
    found = spec.get("policyTypes")
    if found:
        return list(found)
    return ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _allows(policy: Manifest, direction: str, connection: Connection) -> bool:
    rules = policy["spec"].get(direction.lower()) or ()
    peers_field = "from" if direction == "Ingress" else "to"
    other = connection.source if direction == "Ingress" else connection.target
    namespace = policy["metadata"]["namespace"]
    return any(
        _port_fits(rule.get("ports"), connection)
        and _peer_fits(rule.get(peers_field), other, namespace)
        for rule in rules
    )


def _port_fits(ports: Sequence[Mapping[str, Any]] | None, connection: Connection) -> bool:
    if not ports:
        return True
    return any(_one_port_fits(each, connection) for each in ports)


def _one_port_fits(entry: Mapping[str, Any], connection: Connection) -> bool:
    if entry.get("protocol", "TCP") != connection.protocol:
        return False
    wanted = entry.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return connection.target.ports.get(wanted) == connection.port
    return int(wanted) <= connection.port <= int(entry.get("endPort", wanted))


def _peer_fits(
    peers: Sequence[Mapping[str, Any]] | None, other: Peer, policy_namespace: str
) -> bool:
    if not peers:
        return True
    return any(peer_fits(each, other, policy_namespace) for each in peers)


def peer_fits(entry: Mapping[str, Any], other: Peer, policy_namespace: str) -> bool:
    """Whether one entry of `from` or `to` means a peer."""
    if entry.get("ipBlock"):
        return _in_block(entry["ipBlock"], other.address)
    if not other.is_pod:
        return False
    namespaces = entry.get("namespaceSelector")
    if namespaces is None and other.namespace != policy_namespace:
        return False
    if namespaces is not None and not matches_labels(namespaces, other.namespace_labels):
        return False
    pods = entry.get("podSelector")
    return pods is None or matches_labels(pods, other.labels)


def _in_block(block: Mapping[str, Any], address: str) -> bool:
    parsed = ipaddress.ip_address(address)

    def covers(cidr: str) -> bool:
        return parsed in ipaddress.ip_network(cidr, strict=False)

    return covers(block["cidr"]) and not any(covers(each) for each in block.get("except") or ())
