"""CiliumNetworkPolicies in the words of NetworkPolicy, as far as the two mean the same. Pure.

Covered: selectors of endpoints with namespaces, entities, CIDRs, ports. Rules of the application
layer are taken for the ports that they belong to. What is not covered (names of hosts, services,
denials) never opens anything: such an entry means nobody, and a policy with denials is left closed.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Manifest = Mapping[str, Any]

_NAMESPACE = "io.kubernetes.pod.namespace"
_NAMESPACE_LABELS = "io.cilium.k8s.namespace.labels."
_NAME_OF_NAMESPACE = "kubernetes.io/metadata.name"
_SOURCES = ("k8s:", "any:")
_EVERYWHERE = "0.0.0.0/0"
_DIRECTIONS = (("Ingress", "from"), ("Egress", "to"))


def translated(policy: Manifest, *, pods: str, node: str) -> list[dict[str, Any]]:
    """The NetworkPolicies that say the same.

    What cannot be read closes the Pods of its namespace.

    Args:
        policy: the CiliumNetworkPolicy.
        pods: the CIDR of all pods; other CIDRs mean what is outside of it.
        node: the address at which pods reach the machine.
    """
    # The schema of this kind is not ours, so that anything may have been stored.
    try:
        rules = [policy.get("spec"), *(policy.get("specs") or ())]
        specs = [_spec(each, pods=pods, node=node) for each in rules if each]
    except (AttributeError, KeyError, TypeError, ValueError):
        specs = [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
    metadata = policy["metadata"]
    return [{"metadata": metadata, "spec": each} for each in specs if each["policyTypes"]]


def _spec(rule: Manifest, *, pods: str, node: str) -> Manifest:
    found: dict[str, Any] = {"podSelector": _pods(rule.get("endpointSelector") or {})}
    found["policyTypes"] = []
    for direction, prefix in _DIRECTIONS:
        field = direction.lower()
        entries = rule.get(field) or ()
        denied = bool(rule.get(f"{field}Deny"))
        if entries or denied:
            # As with Cilium, a direction without rules is not restricted.
            found["policyTypes"].append(direction)
            found[field] = []
            if not denied:
                found[field] = list(_rules(entries, prefix, pods=pods, node=node))
    return found


def _rules(entries: Iterable[Manifest], prefix: str, *, pods: str, node: str) -> Iterator[Manifest]:
    for entry in entries:
        peers = _peers(entry, prefix, pods=pods, node=node)
        ports = _ports(entry.get("toPorts") or ())
        if peers == [] or (peers is None and not ports):
            # Nobody is meant; also by an empty rule, which is how everything is closed.
            continue
        found: dict[str, Any] = {"ports": ports} if ports else {}
        if peers is not None:
            found[prefix] = peers
        yield found


def _peers(entry: Manifest, prefix: str, *, pods: str, node: str) -> list[Manifest] | None:
    """Who is meant; None for everybody, because nobody in particular is named."""
    named = [key for key in entry if key.startswith(prefix) and key != "toPorts"]
    if not named:
        return None
    found = [_endpoint(each) for each in entry.get(f"{prefix}Endpoints") or ()]
    blocks = [{"cidr": each} for each in entry.get(f"{prefix}CIDR") or ()]
    blocks += [each for each in entry.get(f"{prefix}CIDRSet") or () if each.get("cidr")]
    found += [_block(each, pods) for each in blocks]
    for entity in entry.get(f"{prefix}Entities") or ():
        found += _entity(entity, pods=pods, node=node)
    return found


def _block(entry: Manifest, pods: str) -> Manifest:
    texts = [str(each) for each in (entry["cidr"], *(entry.get("except") or ()))]
    cidr, *without = [str(ipaddress.ip_network(each, strict=False)) for each in texts]
    return {"ipBlock": {"cidr": cidr, "except": [*without, pods]}}


def _entity(entity: str, *, pods: str, node: str) -> list[Manifest]:
    match entity:
        case "all":
            return [{"namespaceSelector": {}}, {"ipBlock": {"cidr": _EVERYWHERE}}]
        case "cluster":
            return [{"namespaceSelector": {}}]
        case "world":
            return [{"ipBlock": {"cidr": _EVERYWHERE, "except": [pods, f"{node}/32"]}}]
        case "host" | "kube-apiserver" | "remote-node":
            return [{"ipBlock": {"cidr": f"{node}/32"}}]
    return []


def _endpoint(selector: Manifest) -> Manifest:
    namespaces = _namespaces(selector)
    found: dict[str, Any] = {"podSelector": _pods(selector)}
    return found if namespaces is None else {**found, "namespaceSelector": namespaces}


def _plain(key: str) -> str:
    for source in _SOURCES:
        key = key.removeprefix(source)
    return key


def _is_of_namespace(key: str) -> bool:
    return key == _NAMESPACE or key.startswith(_NAMESPACE_LABELS)


def _pods(selector: Manifest) -> Manifest:
    """The part of a selector that speaks of the labels of pods."""
    labels, expressions = _requirements(selector)
    return {
        "matchLabels": {key: each for key, each in labels.items() if not _is_of_namespace(key)},
        "matchExpressions": [each for each in expressions if not _is_of_namespace(each["key"])],
    }


def _namespaces(selector: Manifest) -> Manifest | None:
    """The part that speaks of their namespaces; None for the policy's own."""
    labels, expressions = _requirements(selector)
    labels = {_label(key): each for key, each in labels.items() if _is_of_namespace(key)}
    expressions = [each for each in expressions if _is_of_namespace(each["key"])]
    if not labels and not expressions:
        return None
    # Every pod has a namespace.
    telling = [
        {**each, "key": _label(each["key"])}
        for each in expressions
        if (each["key"], each["operator"]) != (_NAMESPACE, "Exists")
    ]
    return {"matchLabels": labels, "matchExpressions": telling}


def _label(key: str) -> str:
    return _NAME_OF_NAMESPACE if key == _NAMESPACE else key.removeprefix(_NAMESPACE_LABELS)


def _requirements(selector: Manifest) -> tuple[dict[str, str], list[dict[str, Any]]]:
    labels = {_plain(key): each for key, each in (selector.get("matchLabels") or {}).items()}
    expressions = [
        {**each, "key": _plain(each["key"])} for each in selector.get("matchExpressions") or ()
    ]
    return labels, expressions


def _ports(groups: Sequence[Manifest]) -> list[Manifest]:
    found: list[Manifest] = []
    for group in groups:
        for entry in group.get("ports") or ():
            protocol = str(entry.get("protocol") or "ANY").upper()
            protocols = ("TCP", "UDP", "SCTP") if protocol == "ANY" else (protocol,)
            found += [{**_number(entry), "protocol": each} for each in protocols]
    if unknown := {each["protocol"] for each in found} - {"TCP", "UDP", "SCTP"}:
        raise ValueError(f"unknown protocols {unknown}")
    return found


def _number(entry: Manifest) -> dict[str, Any]:
    text = str(entry.get("port") or "0")
    if not text.isdigit():
        return {"port": text}
    if text == "0":
        return {}
    last = {"endPort": int(entry["endPort"])} if entry.get("endPort") else {}
    return {"port": int(text), **last}
