"""The linked fields of services: cluster IPs, families, node ports.

Addresses and ports are allocated by the server after this; what was allocated before is kept when
an update leaves it out, and dropped when the type does not need it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubeapi.defaults.engine import Object

_NODE_PORTS = ("NodePort", "LoadBalancer")


def prepare_create(obj: Object) -> None:
    """Fill in what follows from other fields."""
    spec: Object = obj["spec"]
    obj["status"] = {"loadBalancer": {}}
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    _families(spec)


def prepare_update(new: Object, old: Object) -> None:
    """Keep what was allocated, drop what is not needed."""
    after: Object = new["spec"]
    before: Mapping[str, Any] = old["spec"]
    _keep_allocated(after, before)
    _link_cluster_ips(after, before)
    _drop_unneeded(new, after, before)
    _families(after)


def _families(spec: Object) -> None:
    if spec.get("type") == "ExternalName":
        # Traffic does not come through the cluster; nobody reads this field then.
        if spec.get("internalTrafficPolicy") in ("Cluster", "Local"):
            del spec["internalTrafficPolicy"]
        return
    headless = spec.get("clusterIP") == "None"
    addresses = [ip for ip in spec.get("clusterIPs") or () if ip not in ("", "None")]
    if headless and not spec.get("selector"):
        # Nobody but the owner of the endpoints knows what they will be.
        spec.setdefault("ipFamilyPolicy", "RequireDualStack")
        families = list(spec.get("ipFamilies") or ("IPv4",))
        if spec["ipFamilyPolicy"] != "SingleStack" and len(families) == 1:
            families.append("IPv6" if families[0] == "IPv4" else "IPv4")
        spec["ipFamilies"] = families
        return
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv6" if ":" in ip else "IPv4" for ip in addresses] or ["IPv4"]


def _keep_allocated(after: Object, before: Mapping[str, Any]) -> None:
    if _has_cluster_ip(before) and _has_cluster_ip(after):
        if not after.get("clusterIP") and before.get("clusterIP"):
            after["clusterIP"] = before["clusterIP"]
        if not after.get("clusterIPs") and before.get("clusterIPs"):
            after["clusterIPs"] = list(before["clusterIPs"])
    if _allocates_node_ports(before) and _allocates_node_ports(after):
        _keep_node_ports(after, before)
    if _has_health_port(before) and _has_health_port(after) and before.get("healthCheckNodePort"):
        after.setdefault("healthCheckNodePort", before["healthCheckNodePort"])


def _keep_node_ports(after: Object, before: Mapping[str, Any]) -> None:
    known = {port.get("name", ""): port.get("nodePort") for port in before.get("ports") or ()}
    used = {port.get("nodePort") for port in after.get("ports") or ()} & set(known.values())
    for port in after.get("ports") or ():
        number = known.get(port.get("name", ""))
        if not port.get("nodePort") and number and number not in used:
            port["nodePort"] = number


def _link_cluster_ips(after: Object, before: Mapping[str, Any]) -> None:
    one, several = after.get("clusterIP") or "", after.get("clusterIPs") or []
    if one == (before.get("clusterIP") or ""):
        if before.get("clusterIPs") and not several:
            after["clusterIPs"] = list(before["clusterIPs"])
    elif several == (before.get("clusterIPs") or []):
        if one:
            after["clusterIPs"] = [one]
        else:
            after.pop("clusterIPs", None)


def _drop_unneeded(new: Object, after: Object, before: Mapping[str, Any]) -> None:
    if _has_cluster_ip(before) and not _has_cluster_ip(after):
        if _same(after, before, "clusterIP") and _same(after, before, "clusterIPs"):
            _drop(after, "clusterIP", "clusterIPs")
        _drop_same(after, before, "ipFamilies", "ipFamilyPolicy")
    loses_node_ports = before.get("type") in _NODE_PORTS and after.get("type") not in _NODE_PORTS
    if loses_node_ports and _node_ports(after) <= _node_ports(before):
        for port in after.get("ports") or ():
            port.pop("nodePort", None)
    if _has_health_port(before) and not _has_health_port(after):
        _drop_same(after, before, "healthCheckNodePort")
    if before.get("type") == "LoadBalancer" and after.get("type") != "LoadBalancer":
        _drop_same(after, before, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if _is_external(before) and not _is_external(after):
        _drop_same(after, before, "externalTrafficPolicy")
    if after.get("type") != "LoadBalancer" and isinstance(new.get("status"), dict):
        new["status"] = {**new["status"], "loadBalancer": {}}


def _has_cluster_ip(spec: Mapping[str, Any]) -> bool:
    return spec.get("type") != "ExternalName"


def _allocates_node_ports(spec: Mapping[str, Any]) -> bool:
    if spec.get("type") == "LoadBalancer":
        return spec.get("allocateLoadBalancerNodePorts") is not False
    return spec.get("type") == "NodePort"


def _has_health_port(spec: Mapping[str, Any]) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _is_external(spec: Mapping[str, Any]) -> bool:
    if spec.get("type") in _NODE_PORTS:
        return True
    return spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))


def _node_ports(spec: Mapping[str, Any]) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def _same(after: Mapping[str, Any], before: Mapping[str, Any], field: str) -> bool:
    return after.get(field) == before.get(field)


def _drop_same(after: Object, before: Mapping[str, Any], *fields: str) -> None:
    _drop(after, *(field for field in fields if _same(after, before, field)))


def _drop(after: Object, *fields: str) -> None:
    for field in fields:
        after.pop(field, None)
