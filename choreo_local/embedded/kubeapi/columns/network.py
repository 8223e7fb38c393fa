"""Services, endpoints, ingresses and network policies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from choreo_local.embedded.kubeapi.columns import cells
from choreo_local.embedded.kubeapi.columns.printer import (
    AGE,
    NAME,
    Object,
    Printer,
    column,
    wide,
)

_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"


def _service(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    ips = spec.get("clusterIPs") or ()
    return [
        cells.name(obj),
        spec.get("type") or "",
        ips[0] if ips else cells.NONE,
        _external_address(spec, cells.get(obj, "status.loadBalancer", {})),
        ",".join(_service_port(port) for port in spec.get("ports") or ()) or cells.NONE,
        cells.age(obj, now),
        cells.labels(spec.get("selector")),
    ]


def _external_address(spec: Mapping[str, Any], balancer: Mapping[str, Any]) -> str:
    type_, external = spec.get("type"), list(spec.get("externalIPs") or ())
    if type_ in ("ClusterIP", "NodePort"):
        return ",".join(external) or cells.NONE
    if type_ == "LoadBalancer":
        return ",".join(_balancer_addresses(balancer) + external) or "<pending>"
    if type_ == "ExternalName":
        return str(spec.get("externalName") or "")
    return cells.UNKNOWN


def _balancer_addresses(balancer: Mapping[str, Any]) -> list[str]:
    found = {
        str(one.get("ip") or one.get("hostname") or "") for one in balancer.get("ingress") or ()
    }
    return sorted(found - {""})


def _service_port(port: Mapping[str, Any]) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port') or 0}{node_port}/{port.get('protocol') or ''}"


def _endpoints(obj: Object, now: datetime) -> list[Any]:
    subsets = obj.get("subsets") or ()
    shown, total = [], 0
    for subset in subsets:
        addresses = [str(one.get("ip") or "") for one in subset.get("addresses") or ()]
        ports = [port.get("port") or 0 for port in subset.get("ports") or ()]
        texts = [_host_port(ip, port) for port in ports for ip in addresses] if ports else addresses
        shown += texts
        total += len(texts)
    text = cells.shortened(shown[:3], total=total) if subsets else cells.NONE
    return [cells.name(obj), text, cells.age(obj, now)]


def _host_port(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _endpoint_slice(obj: Object, now: datetime) -> list[Any]:
    ports = [_slice_port(port) for port in obj.get("ports") or ()]
    addresses = [
        str(address)
        for endpoint in obj.get("endpoints") or ()
        for address in endpoint.get("addresses") or ()
    ]
    return [
        cells.name(obj),
        obj.get("addressType") or "",
        cells.shortened(ports) or cells.UNSET,
        cells.shortened(addresses) or cells.UNSET,
        cells.age(obj, now),
    ]


def _slice_port(port: Mapping[str, Any]) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return "*" if port.get("name") is None else str(port["name"])


def _ingress(obj: Object, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        cells.name(obj),
        cells.get(obj, "spec.ingressClassName", cells.NONE),
        _hosts(spec.get("rules") or ()),
        ",".join(_balancer_addresses(cells.get(obj, "status.loadBalancer", {}))),
        "80, 443" if spec.get("tls") else "80",
        cells.age(obj, now),
    ]


def _hosts(rules: Any) -> str:
    hosts: list[str] = []
    more = False
    for rule in rules:
        more = more or len(hosts) == 3
        if not more and rule.get("host"):
            hosts.append(rule["host"])
    if not hosts:
        return "*"
    return ",".join(hosts) + (f" + {len(rules) - 3} more..." if more else "")


def _ingress_class(obj: Object, now: datetime) -> list[Any]:
    name = cells.name(obj)
    if cells.get(obj, "metadata.annotations", {}).get(_DEFAULT_CLASS) == "true":
        name += " (default)"
    parameters = cells.get(obj, "spec.parameters")
    text = cells.NONE
    if parameters is not None:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") is not None else ""
        text = f"{parameters.get('kind', '')}{group}/{parameters.get('name', '')}"
    return [name, cells.get(obj, "spec.controller", ""), text, cells.age(obj, now)]


def _network_policy(obj: Object, now: datetime) -> list[Any]:
    return [
        cells.name(obj),
        cells.selector(cells.get(obj, "spec.podSelector")),
        cells.age(obj, now),
    ]


def _service_cidr(obj: Object, now: datetime) -> list[Any]:
    return [cells.name(obj), ",".join(cells.get(obj, "spec.cidrs", ())), cells.age(obj, now)]


def _ip_address(obj: Object, now: datetime) -> list[Any]:
    parent = cells.get(obj, "spec.parentRef")
    text = cells.NONE
    if parent is not None:
        resource = f"{parent.get('resource', '')}.{parent.get('group') or ''}".rstrip(".").lower()
        namespace = f"/{parent['namespace']}" if parent.get("namespace") else ""
        text = f"{resource}{namespace}/{parent.get('name', '')}"
    # One cell more than columns, as the real server.
    return [cells.name(obj), text, cells.age(obj, now)]


PRINTERS = {
    ("", "Service"): Printer(
        (
            NAME,
            column("Type", "How the service is reached."),
            column("Cluster-IP", "Address inside the cluster."),
            column("External-IP", "Addresses outside the cluster."),
            column("Port(s)", "Ports, with their node ports and protocols."),
            AGE,
            wide("Selector", "Labels of the pods behind the service."),
        ),
        _service,
    ),
    ("", "Endpoints"): Printer(
        (NAME, column("Endpoints", "Addresses and ports behind the service."), AGE), _endpoints
    ),
    ("discovery.k8s.io", "EndpointSlice"): Printer(
        (
            NAME,
            column("AddressType", "What the addresses are: IPv4, IPv6 or names."),
            column("Ports", "Ports that every endpoint has."),
            column("Endpoints", "Addresses of the endpoints."),
            AGE,
        ),
        _endpoint_slice,
    ),
    ("networking.k8s.io", "Ingress"): Printer(
        (
            NAME,
            column("Class", "Class that says which controller serves it."),
            column("Hosts", "Host names of the rules."),
            column("Address", "Addresses of the load balancer."),
            column("Ports", "Ports for plain and encrypted traffic."),
            AGE,
        ),
        _ingress,
    ),
    ("networking.k8s.io", "IngressClass"): Printer(
        (
            NAME,
            column("Controller", "Controller that serves the class."),
            column("Parameters", "Object with more settings for the controller."),
            AGE,
        ),
        _ingress_class,
    ),
    ("networking.k8s.io", "NetworkPolicy"): Printer(
        (NAME, column("Pod-Selector", "Labels of the pods that the policy is for."), AGE),
        _network_policy,
    ),
    ("networking.k8s.io", "ServiceCIDR"): Printer(
        (NAME, column("CIDRs", "Ranges that cluster IPs are taken from."), AGE), _service_cidr
    ),
    ("networking.k8s.io", "IPAddress"): Printer(
        (NAME, column("ParentRef", "Object that uses the address.")), _ip_address
    ),
}
