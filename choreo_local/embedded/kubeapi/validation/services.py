"""Services: ports, addresses, traffic policies, and what may change."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, metadata, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_MAX_AFFINITY_SECONDS = 86400
_FAMILIES = ("IPv4", "IPv6")

Spec = Mapping[str, Any]


def validate(obj: dict[str, Any]) -> Problems:
    """The problems of a service."""
    spec: Spec = obj["spec"]
    annotations = obj["metadata"].get("annotations") or {}
    mode, hints = annotations.get(_MODE), annotations.get(_HINTS)
    if mode is not None and hints is not None and mode != hints:
        yield fielderrors.invalid_value(
            f"metadata.annotations[{_MODE}]",
            mode,
            f"must match annotations[{_HINTS}] when both are specified",
        )
    yield from _type(spec)
    yield from _ports(spec)
    yield from metadata.check_labels(spec.get("selector"), "spec.selector")
    yield from _affinity(spec)
    if spec.get("type") != "ExternalName":
        yield from _cluster_ips(spec)
    for index, ip in enumerate(spec.get("externalIPs") or ()):
        yield from _external_ip(f"spec.externalIPs[{index}]", ip)
    yield from _load_balancer(spec, annotations)
    yield from _traffic(spec)


def _type(spec: Spec) -> Problems:
    type_, headless = spec.get("type") or "", _is_headless(spec)
    if not spec.get("ports") and not headless and type_ != "ExternalName":
        yield fielderrors.required("spec.ports")
    if type_ in ("LoadBalancer", "NodePort") and headless:
        yield fielderrors.invalid_value(
            "spec.clusterIPs[0]", "None", f"may not be set to 'None' for {type_} services"
        )
    if type_ == "ExternalName":
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if spec.get(field):
                yield fielderrors.forbidden(
                    f"spec.{field}", "may not be set for ExternalName services"
                )
        name = (spec.get("externalName") or "").removesuffix(".")
        if name:
            yield from checks.fits("spec.externalName", name, names.dns_subdomain)
        else:
            yield fielderrors.required("spec.externalName")
    yield from checks.required_one_of("spec.type", type_, _TYPES)


def _is_headless(spec: Spec) -> bool:
    return list(spec.get("clusterIPs") or ()) == ["None"]


def _ports(spec: Spec) -> Problems:
    ports = spec.get("ports") or ()
    seen_names: set[str] = set()
    seen_node_ports: set[tuple[str, int]] = set()
    seen_ports: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        yield from _port_name(path, port, seen_names, required=len(ports) > 1)
        yield from checks.port_number(f"{path}.port", port.get("port") or 0)
        yield from checks.required_one_of(f"{path}.protocol", port.get("protocol"), _PROTOCOLS)
        yield from checks.port(f"{path}.targetPort", port.get("targetPort"))
        if port.get("appProtocol") is not None:
            yield from checks.fits(f"{path}.appProtocol", port["appProtocol"], names.qualified_name)
        protocol, node_port = port.get("protocol") or "", port.get("nodePort") or 0
        if node_port and spec.get("type") == "ClusterIP":
            yield fielderrors.forbidden(
                f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'"
            )
        if node_port and (protocol, node_port) in seen_node_ports:
            yield fielderrors.duplicate(f"{path}.nodePort", node_port)
        seen_node_ports.add((protocol, node_port))
        key = (protocol, port.get("port") or 0)
        if key in seen_ports:
            yield fielderrors.duplicate(path, _printed_port(*key))
        seen_ports.add(key)


def _printed_port(protocol: str, number: int) -> dict[str, Any]:
    return {
        "Name": "",
        "Protocol": protocol,
        "AppProtocol": None,
        "Port": number,
        "TargetPort": 0,
        "NodePort": 0,
    }


def _port_name(path: str, port: Spec, seen: set[str], *, required: bool) -> Problems:
    name = port.get("name") or ""
    if not name:
        if required:
            yield fielderrors.required(f"{path}.name")
        return
    yield from checks.fits(f"{path}.name", name, names.dns_label)
    if name in seen:
        yield fielderrors.duplicate(f"{path}.name", name)
    seen.add(name)


def _affinity(spec: Spec) -> Problems:
    affinity, path = spec.get("sessionAffinity"), "spec.sessionAffinityConfig"
    yield from checks.required_one_of("spec.sessionAffinity", affinity, ("ClientIP", "None"))
    config = spec.get("sessionAffinityConfig")
    if affinity == "None" and config is not None:
        yield fielderrors.forbidden(path, "must not be set when session affinity is None")
    if affinity != "ClientIP":
        return
    if config is None:
        yield fielderrors.required(path, "when session affinity type is ClientIP")
    elif config.get("clientIP") is None:
        yield fielderrors.required(f"{path}.clientIP", "when session affinity type is ClientIP")
    elif config["clientIP"].get("timeoutSeconds") is None:
        yield fielderrors.required(
            f"{path}.clientIP.timeoutSeconds", "when session affinity type is ClientIP"
        )
    elif not 0 < config["clientIP"]["timeoutSeconds"] <= _MAX_AFFINITY_SECONDS:
        yield fielderrors.invalid_value(
            f"{path}.clientIP.timeoutSeconds",
            config["clientIP"]["timeoutSeconds"],
            f"must be greater than 0 and less than {_MAX_AFFINITY_SECONDS}",
        )


def _cluster_ips(spec: Spec) -> Problems:
    path, ips = "spec.clusterIPs", list(spec.get("clusterIPs") or ())
    yield from _linked_ips(path, spec.get("clusterIP") or "", ips)
    families = list(spec.get("ipFamilies") or ())
    for index, family in enumerate(families):
        yield from checks.one_of(f"spec.ipFamilies[{index}]", family, _FAMILIES)
        if family in families[:index]:
            yield fielderrors.duplicate(f"spec.ipFamilies[{index}]", family)
    if spec.get("ipFamilyPolicy") is not None:
        yield from checks.one_of("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], _FAMILY_POLICIES)
    broken = list(_broken_ips(path, ips))
    yield from broken
    if len(ips) > 2:
        yield fielderrors.invalid_value(path, ips, "may only hold up to 2 values")
    if broken:
        return
    versions = [":" in ip for ip in ips]
    if len(ips) > 1 and not (any(versions) and not all(versions)):
        yield fielderrors.invalid_value(
            path, ips, "may specify no more than one IP for each IP family"
        )
    if not _is_headless(spec):
        for index, (ip, family) in enumerate(zip(ips, families, strict=False)):
            if family in _FAMILIES and (":" in ip) != (family == "IPv6"):
                yield fielderrors.invalid_value(
                    f"{path}[{index}]",
                    ip,
                    f"expected an {family} value as indicated by `ipFamilies[{index}]`",
                )


def _linked_ips(path: str, ip: str, ips: list[str]) -> Problems:
    if ip and not ips:
        yield fielderrors.required(path)
    elif ip and ips[0] != ip:
        yield fielderrors.invalid_value(path, ips, "first value must match `clusterIP`")
    elif not ip and ips:
        yield fielderrors.invalid_value(
            path, ips, "must be empty when `clusterIP` is not specified"
        )


def _broken_ips(path: str, ips: list[str]) -> Problems:
    for index, ip in enumerate(ips):
        if index == 0 and ip == "None":
            if len(ips) > 1:
                yield fielderrors.invalid_value(
                    path, ips, "'None' must be the first and only value"
                )
            continue
        yield from checks.ip_address(f"{path}[{index}]", ip)


def _external_ip(path: str, ip: str) -> Problems:
    address = names.parse_ip(ip)
    if address is None:
        yield from checks.ip_address(path, ip)
    else:
        yield from not_special(path, ip, address)
        if address.is_loopback:
            yield fielderrors.invalid_value(
                path, ip, "may not be in the loopback range (127.0.0.0/8, ::1/128)"
            )


def not_special(
    path: str, ip: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> Problems:
    """An address that traffic can be sent to.

    Loopback addresses are not refused here, other than by kube-apiserver: where pods are plain
    processes, those are the addresses they have.
    """
    if address.is_unspecified:
        yield fielderrors.invalid_value(path, ip, f"may not be unspecified ({ip})")
    if address.is_link_local:
        yield fielderrors.invalid_value(
            path, ip, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
        )
    if address.is_multicast and _is_link_local_multicast(address):
        yield fielderrors.invalid_value(
            path, ip, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        )


def _is_link_local_multicast(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address in ipaddress.ip_network("224.0.0.0/24")
    return address in ipaddress.ip_network("ff02::/16")


def _load_balancer(spec: Spec, annotations: Mapping[str, str]) -> Problems:
    is_balanced = spec.get("type") == "LoadBalancer"
    ranges, path = spec.get("loadBalancerSourceRanges") or (), "spec.LoadBalancerSourceRanges"
    if ranges:
        if not is_balanced:
            yield fielderrors.forbidden(path, _ONLY_LOAD_BALANCER)
        for index, value in enumerate(ranges):
            yield from checks.fits(f"{path}[{index}]", value.strip(), names.cidr)
    elif _RANGES in annotations:
        path = f"metadata.annotations[{_RANGES}]"
        if not is_balanced:
            yield fielderrors.forbidden(path, _ONLY_LOAD_BALANCER)
        for value in annotations[_RANGES].strip().split(","):
            if value.strip():
                yield from checks.fits(path, value.strip(), names.cidr)
    if spec.get("allocateLoadBalancerNodePorts") is not None and not is_balanced:
        yield fielderrors.forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_LOAD_BALANCER)
    if spec.get("loadBalancerClass") is not None:
        if not is_balanced:
            yield fielderrors.forbidden("spec.loadBalancerClass", _ONLY_LOAD_BALANCER)
        yield from checks.fits(
            "spec.loadBalancerClass", spec["loadBalancerClass"], names.qualified_name
        )


def _traffic(spec: Spec) -> Problems:
    external, path = spec.get("externalTrafficPolicy") or "", "spec.externalTrafficPolicy"
    type_ = spec.get("type")
    reachable = type_ in ("NodePort", "LoadBalancer") or (
        type_ == "ClusterIP" and bool(spec.get("externalIPs"))
    )
    if reachable:
        yield from checks.required_one_of(path, external, ("Cluster", "Local"))
    elif external:
        yield fielderrors.invalid_value(
            path, external, "may only be set for externally-accessible services"
        )
    number, path = spec.get("healthCheckNodePort") or 0, "spec.healthCheckNodePort"
    if type_ == "LoadBalancer" and external == "Local":
        if number:
            yield from checks.port_number(path, number)
    elif number:
        yield fielderrors.invalid_value(
            path,
            number,
            "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
        )
    if spec.get("internalTrafficPolicy") is not None:
        yield from checks.one_of(
            "spec.internalTrafficPolicy", spec["internalTrafficPolicy"], ("Cluster", "Local")
        )
    if spec.get("trafficDistribution") is not None:
        yield from checks.one_of(
            "spec.trafficDistribution", spec["trafficDistribution"], _DISTRIBUTIONS
        )


def validate_update(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """The problems of a changed service."""
    after, before = new["spec"], old["spec"]
    if "ExternalName" not in (after.get("type"), before.get("type")):
        both_headless = _is_headless(after) and _is_headless(before)
        if not both_headless:
            yield from _changed_list(after, before, "clusterIPs", "clusterIP")
        if _is_headless(after) == _is_headless(before) and not both_headless:
            yield from _changed_list(after, before, "ipFamilies", "ipFamily")
    if after.get("type") == before.get("type") == "LoadBalancer" and after.get(
        "loadBalancerClass"
    ) != before.get("loadBalancerClass"):
        yield fielderrors.invalid_value(
            "spec.loadBalancerClass", after.get("loadBalancerClass"), "may not change once set"
        )
    ports = [one.get("healthCheckNodePort") or 0 for one in (after, before)]
    if _needs_health_check(after) and _needs_health_check(before) and ports[0] != ports[1]:
        yield fielderrors.forbidden("spec.healthCheckNodePort", "field is immutable")
    yield from validate(new)


def _needs_health_check(spec: Spec) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _changed_list(after: Spec, before: Spec, field: str, singular: str) -> Problems:
    new, old = list(after.get(field) or ()), list(before.get(field) or ())
    path = f"spec.{field}"
    if len(new) == len(old):
        for index, (one, other) in enumerate(zip(new, old, strict=True)):
            if one != other:
                place = index if field == "clusterIPs" else 0
                yield fielderrors.invalid_value(f"{path}[{place}]", new, "may not change once set")
        return
    if len(new) < len(old):
        if not new:
            yield fielderrors.invalid_value(
                f"{path}[0]", after.get(field), f"primary {singular} can not be unset"
            )
        if len(new) == 1 and after.get("ipFamilyPolicy") != "SingleStack":
            yield fielderrors.invalid_value(
                "spec.ipFamilyPolicy",
                after.get("ipFamilyPolicy"),
                f"must be set to 'SingleStack' when releasing the secondary {singular}",
            )
    if new and old and new[0] != old[0]:
        yield fielderrors.invalid_value(f"{path}[0]", new, "may not change once set")


def validate_status(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """The problems of a changed status of a service."""
    path = "status.loadBalancer.ingress"
    ingresses = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    if ingresses and new["spec"].get("type") != "LoadBalancer":
        yield fielderrors.forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")
        return
    for index, ingress in enumerate(ingresses):
        yield from _ingress(f"{path}[{index}]", ingress)


def _ingress(path: str, ingress: Spec) -> Problems:
    ip, mode = ingress.get("ip") or "", ingress.get("ipMode")
    if ip:
        yield from checks.ip_address(f"{path}.ip", ip)
    if mode is None:
        if ip:
            yield fielderrors.required(f"{path}.ipMode", "must be specified when `ip` is set")
    elif not ip:
        yield fielderrors.forbidden(f"{path}.ipMode", "may not be specified when `ip` is not set")
    else:
        yield from checks.one_of(f"{path}.ipMode", mode, ("Proxy", "VIP"))
    yield from host_name(f"{path}.hostname", ingress.get("hostname") or "")


def host_name(path: str, name: str) -> Problems:
    """A DNS name that is no address."""
    if name:
        yield from checks.fits(path, name, names.dns_subdomain)
        if names.parse_ip(name) is not None:
            yield fielderrors.invalid_value(path, name, "must be a DNS name, not an IP address")
