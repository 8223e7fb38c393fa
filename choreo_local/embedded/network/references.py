"""References of routes and gateways to other objects, across namespaces with a grant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.network import backends
from choreo_local.embedded.network.table import Backend

Manifest = Mapping[str, Any]
ObjectKey = tuple[str, str]
# Where a policy is attached: kind, namespace, name and section, which is empty for the whole.
Place = tuple[str, str, str, str]

GROUP = "gateway.networking.k8s.io"
KGATEWAY_GROUP = "gateway.kgateway.dev"
ENVOY_GATEWAY_GROUP = "gateway.envoyproxy.io"


@dataclass(frozen=True, slots=True)
class World:
    """The objects from which routes are built.

    Attributes:
        controller_name: gateway classes of this controller are ours.
        routes: HTTPRoutes, GRPCRoutes and TLSRoutes.
        services: Services by namespace and name.
        namespaces: labels of the namespaces by name.
        secrets: Secrets by namespace and name.
        policies: TrafficPolicies, and SecurityPolicies and BackendTrafficPolicies of Envoy Gateway.
        extensions: GatewayExtensions, to which TrafficPolicies refer.
        route_filters: HTTPRouteFilters of Envoy Gateway.
        config_maps: ConfigMaps by namespace and name.
        enforced: whether what serves the routes can carry out what policies ask for.
    """

    controller_name: str
    classes: Sequence[Manifest] = ()
    gateways: Sequence[Manifest] = ()
    routes: Sequence[Manifest] = ()
    grants: Sequence[Manifest] = ()
    services: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    policies: Sequence[Manifest] = ()
    extensions: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    route_filters: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    config_maps: Mapping[ObjectKey, Manifest] = field(default_factory=dict)
    enforced: bool = True


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be used, in the words of a condition."""

    reason: str
    message: str


def is_granted(
    grants: Iterable[Manifest],
    *,
    group: str,
    kind: str,
    namespace: str,
    to_kind: str,
    to_namespace: str,
    to_name: str,
) -> bool:
    """Whether objects of a kind in `namespace` may refer to a core object of another namespace."""
    if namespace == to_namespace:
        return True
    for grant in grants:
        spec = grant["spec"]
        if grant["metadata"]["namespace"] == to_namespace:
            from_fits = any(
                each.get("group") == group
                and each.get("kind") == kind
                and each.get("namespace") == namespace
                for each in spec.get("from") or ()
            )
            to_fits = any(
                each.get("group", "") == ""
                and each.get("kind") == to_kind
                and each.get("name") in (None, "", to_name)
                for each in spec.get("to") or ()
            )
            if from_fits and to_fits:
                return True
    return False


def resolve(world: World, route: Manifest, reference: Manifest) -> Backend | Problem:
    """The backend that a backendRef of a route means, or why there is none."""
    group, kind = reference.get("group") or "", reference.get("kind") or "Service"
    name = reference["name"]
    if (group, kind) != ("", "Service"):
        full = f"{kind}.{group}" if group else kind
        return Problem("InvalidKind", f'backend kind "{full}" is not supported, use a Service')
    own = route["metadata"]["namespace"]
    namespace = reference.get("namespace") or own
    if not is_granted(
        world.grants,
        group=GROUP,
        kind=route["kind"],
        namespace=own,
        to_kind="Service",
        to_namespace=namespace,
        to_name=name,
    ):
        message = f"no ReferenceGrant in {namespace} allows {route['kind']}s of {own} to use it"
        return Problem("RefNotPermitted", f'Service "{name}": {message}')
    return _service_backend(world, route, reference, (namespace, name))


def _service_backend(
    world: World, route: Manifest, reference: Manifest, key: ObjectKey
) -> Backend | Problem:
    service = world.services.get(key)
    if service is None:
        return Problem("BackendNotFound", f"Service {key[0]}/{key[1]} does not exist")
    number = reference.get("port")
    if number is None:
        return Problem("UnsupportedValue", f"Service {key[0]}/{key[1]} needs a port")
    port = backends.service_port(service, int(number))
    if port is None:
        return Problem("BackendNotFound", f"Service {key[0]}/{key[1]} has no port {number}")
    return backends.backend(service, port, grpc=route["kind"] == "GRPCRoute")
