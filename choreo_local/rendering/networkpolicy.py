"""Which traffic may reach a component's pods; pure.

One policy a component, appended by the ReleaseBinding controller to the data-plane manifests. Every
endpoint is open to its own cell; `namespace` opens it to all cells of the environment, `internal`
and `external` to the platform's gateways. The port opened is the pod's (`targetPort`), because that
is what policies are matched against.

Public: `build(target, endpoints, provider=…)`, `provider_of(data_plane)`, `Target`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.api import labels

from . import names

_L7_TYPES = frozenset({"HTTP", "GraphQL", "Websocket", "gRPC"})
_POD_NAMESPACE = {"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}
_SYSTEM_COMPONENT = {"key": labels.SYSTEM_COMPONENT, "operator": "Exists"}


@dataclass(frozen=True, slots=True)
class Target:
    """The component that a policy is for.

    Attributes:
        namespace: the cell's namespace on the data plane.
        control_plane_namespace: the namespace of the component itself.
        pod_selectors: labels of the component's pods.
    """

    component: str
    namespace: str
    control_plane_namespace: str
    environment: str
    pod_selectors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Port:
    number: int
    protocol: str
    is_l7: bool


def provider_of(data_plane: Mapping[str, Any]) -> str:
    """The provider that a DataPlane or ClusterDataPlane asks for; "" stands for Kubernetes."""
    annotations = data_plane.get("metadata", {}).get("annotations") or {}
    return str(annotations.get(labels.NETWORK_POLICY_PROVIDER, ""))


def build(
    target: Target, endpoints: Mapping[str, Mapping[str, Any]] | None, *, provider: str = ""
) -> dict[str, Any]:
    """The policy manifest of a component with these workload endpoints (before overrides)."""
    declared = [(endpoints or {})[name] for name in sorted(endpoints or {})]
    opened = (
        [_port(endpoint) for endpoint in declared],
        list(_opened(declared, "namespace")),
        list(_opened(declared, "internal", "external")),
    )
    if provider == labels.NETWORK_POLICY_CILIUM:
        return _cilium(target, opened)
    return _kubernetes(target, opened)


def _opened(endpoints: Sequence[Mapping[str, Any]], *visibilities: str) -> Iterator[_Port]:
    """A port for each time an endpoint names one of the visibilities."""
    for endpoint in endpoints:
        for visibility in endpoint.get("visibility") or ():
            if visibility in visibilities:
                yield _port(endpoint)


def _port(endpoint: Mapping[str, Any]) -> _Port:
    kind = endpoint.get("type")
    number = int(endpoint.get("targetPort") or endpoint.get("port") or 0)
    return _Port(number, "UDP" if kind == "UDP" else "TCP", kind in _L7_TYPES)


def _peers(target: Target) -> dict[str, str]:
    return {
        labels.NAMESPACE: target.control_plane_namespace,
        labels.ENVIRONMENT: target.environment,
    }


def _kubernetes(target: Target, opened: Sequence[Sequence[_Port]]) -> dict[str, Any]:
    sources: tuple[dict[str, Any], ...] = (
        {"podSelector": {}},
        {"namespaceSelector": {"matchLabels": _peers(target)}},
        {
            "namespaceSelector": {},
            "podSelector": {"matchExpressions": [dict(_SYSTEM_COMPONENT)]},
        },
    )
    ingress = [
        {
            "from": [source],
            "ports": [{"protocol": port.protocol, "port": port.number} for port in ports],
        }
        for source, ports in zip(sources, opened, strict=True)
        if ports
    ]
    spec: dict[str, Any] = {
        "podSelector": {"matchLabels": dict(target.pod_selectors)},
        "policyTypes": ["Ingress"],
    }
    if ingress:
        spec["ingress"] = ingress
    return _policy("networking.k8s.io/v1", "NetworkPolicy", target, spec)


def _cilium(target: Target, opened: Sequence[Sequence[_Port]]) -> dict[str, Any]:
    sources: tuple[dict[str, Any], ...] = (
        {},
        {"matchLabels": _peers(target), "matchExpressions": [dict(_POD_NAMESPACE)]},
        {"matchExpressions": [dict(_SYSTEM_COMPONENT), dict(_POD_NAMESPACE)]},
    )
    spec = {
        "endpointSelector": {"matchLabels": dict(target.pod_selectors)},
        "ingress": [
            {"fromEndpoints": [source], "toPorts": _cilium_ports(ports)}
            for source, ports in zip(sources, opened, strict=True)
            if ports
        ],
    }
    return _policy("cilium.io/v2", "CiliumNetworkPolicy", target, spec)


def _cilium_ports(ports: Sequence[_Port]) -> list[dict[str, Any]]:
    ordered = sorted(ports, key=lambda port: str(port.number))
    groups: list[dict[str, Any]] = []
    for is_l7 in (True, False):
        group = [
            {"port": str(port.number), "protocol": port.protocol}
            for port in ordered
            if port.is_l7 == is_l7
        ]
        if group:
            groups.append({"ports": group} | ({"rules": {"http": [{}]}} if is_l7 else {}))
    return groups


def _policy(api_version: str, kind: str, target: Target, spec: dict[str, Any]) -> dict[str, Any]:
    name = names.network_policy(target.component)
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": target.namespace},
        "spec": spec,
    }
