"""Gateway API objects for tests."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.network.references import World

CONTROLLER = "choreo.dev/gateway-controller"
MOMENT = "2030-01-01T00:00:00Z"


def metadata(name: str, namespace: str = "apps", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{namespace}-{name}",
        "resourceVersion": "1",
        "generation": 1,
        "creationTimestamp": MOMENT,
        **more,
    }


def gateway_class(name: str = "choreo") -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": name, "uid": f"uid-{name}", "generation": 1},
        "spec": {"controllerName": CONTROLLER},
    }


def listener(name: str = "http", port: int = 19080, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "port": port,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
        **more,
    }


def gateway(*listeners: dict[str, Any], name: str = "gateway-default") -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": metadata(name, "infra"),
        "spec": {"gatewayClassName": "choreo", "listeners": list(listeners or (listener(),))},
    }


def service(service_name: str = "greeter", port: int = 8080, **port_fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(service_name),
        "spec": {"clusterIP": "127.96.0.10", "ports": [{"port": port, **port_fields}]},
    }


def backend(name: str = "greeter", port: int = 8080, **more: Any) -> dict[str, Any]:
    return {"name": name, "port": port, **more}


def prefix(value: str) -> dict[str, Any]:
    return {"path": {"type": "PathPrefix", "value": value}}


def rule(*matches: dict[str, Any], **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"backendRefs": [backend()], **more}
    return {"matches": list(matches), **made} if matches else made


def route(
    *rules: dict[str, Any],
    name: str = "greeter",
    hostnames: tuple[str, ...] = (),
    parent: dict[str, Any] | None = None,
    kind: str = "HTTPRoute",
    **more: Any,
) -> dict[str, Any]:
    reference = {"name": "gateway-default", "namespace": "infra", **(parent or {})}
    spec: dict[str, Any] = {"parentRefs": [reference], "rules": list(rules or (rule(),))}
    if hostnames:
        spec["hostnames"] = list(hostnames)
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": kind,
        "metadata": metadata(name, **more),
        "spec": spec,
    }


def world(*routes: dict[str, Any], **more: Any) -> World:
    services = more.pop("services", [service()])
    fields: dict[str, Any] = {
        "classes": [gateway_class()],
        "gateways": [gateway()],
        "routes": list(routes),
        "services": {
            (each["metadata"]["namespace"], each["metadata"]["name"]): each for each in services
        },
        **more,
    }
    return World(CONTROLLER, **fields)


def endpoint_slice(
    *endpoints: tuple[str, dict[str, bool]], port: int = 8080, service_name: str = "greeter"
) -> dict[str, Any]:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata(
            f"{service_name}-1", labels={"kubernetes.io/service-name": service_name}
        ),
        "addressType": "IPv4",
        "ports": [{"name": "", "port": port, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [address], "conditions": conditions} for address, conditions in endpoints
        ],
    }
