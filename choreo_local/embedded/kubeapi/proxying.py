"""The proxy subresource of pods, services and nodes: HTTP to what runs in the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.embedded.kubeapi import httpforward, problems
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Answer, Response
from choreo_local.embedded.storage.store import key_of
from choreo_local.errors import ServiceUnavailableError

_SLICES = "endpointslices.discovery.k8s.io"
_SERVICE_OF_SLICE = "kubernetes.io/service-name"


async def proxy(core: Core, call: Call) -> Answer:
    """Pass an HTTP request on."""
    name, port = _split(call.name)
    stored = core.store.get(call.collection.storage, key_of(call.namespace, name))
    if stored is None:
        raise problems.not_found(call.collection.kind, name)
    request = call.request
    # Behind /api/v1/[namespaces/NAME/]pods/NAME/proxy, still encoded.
    parts = request.path.split("/", 8 if call.namespace else 6)
    rest = "/" + parts[-1] if len(parts) > (8 if call.namespace else 6) else ""
    if not rest and request.method in ("GET", "HEAD"):
        query = f"?{request.query}" if request.query else ""
        return Response(301, headers=[("Location", f"{request.path}/{query}")])
    pod, number = _destination(core, call, stored.object, port)
    node = core.connect((pod.get("spec") or {}).get("nodeName") or "")
    if node is None:
        raise ServiceUnavailableError(f"the node of pod {pod['metadata']['name']} is not known")
    metadata = pod["metadata"]
    target = f"{rest or '/'}?{request.query}" if request.query else rest or "/"
    host = f"{(pod.get('status') or {}).get('podIP', '')}:{number}"
    try:
        reader, writer = await node.open_port(metadata["namespace"], metadata["name"], number)
        return await httpforward.forward(request, target, host, reader, writer)
    except OSError as error:
        raise ServiceUnavailableError(f"error trying to reach service: {error}") from error


def _split(name: str) -> tuple[str, str]:
    """`scheme:name:port` → name and port."""
    parts = name.split(":")
    if len(parts) == 3:
        if parts[0] not in ("", "http", "https"):
            raise problems.bad_request(f'invalid pod request "{name}"')
        if parts[0] == "https":
            raise problems.bad_request(f"the proxy does not speak {parts[0]}, only http")
        return parts[1], parts[2]
    return parts[0], parts[1] if len(parts) == 2 else ""


def _destination(core: Core, call: Call, obj: Manifest, port: str) -> tuple[Manifest, int]:
    """The pod behind the object of the URL, and its port."""
    kind = call.collection.kind.kind
    if kind == "Pod":
        if not (obj.get("status") or {}).get("podIP"):
            raise problems.bad_request("address not allowed")
        return obj, _pod_port(obj, port)
    if kind == "Service":
        for name, number in _endpoints(core, obj, port):
            stored = core.store.get("pods", key_of(call.namespace, name))
            if stored is not None:
                return stored.object, number
        raise ServiceUnavailableError(f'no endpoints available for service "{call.name}"')
    raise ServiceUnavailableError("nodes have no HTTP API of their own here")


def _pod_port(pod: Manifest, port: str) -> int:
    declared = [
        one
        for container in pod["spec"].get("containers") or ()
        for one in container.get("ports") or ()
    ]
    if not port:
        return int(declared[0]["containerPort"]) if declared else 80
    for one in declared:
        if one.get("name") == port:
            return int(one["containerPort"])
    if not port.isdigit():
        raise problems.bad_request(f"invalid port {port}")
    return int(port)


def _endpoints(core: Core, service: Manifest, port: str) -> Iterator[tuple[str, int]]:
    """Ready pods of a service, with the port that one of its ports leads to."""
    metadata = service["metadata"]
    wanted = _service_port(service, port)
    if wanted is None:
        return
    for stored in core.store.select(_SLICES, metadata["namespace"]):
        found = stored.object
        labels = found["metadata"].get("labels") or {}
        if labels.get(_SERVICE_OF_SLICE) != metadata["name"]:
            continue
        numbers = [
            one["port"]
            for one in found.get("ports") or ()
            if (one.get("name") or "") == wanted and one.get("port")
        ]
        for endpoint in found.get("endpoints") or ():
            reference = endpoint.get("targetRef") or {}
            is_ready = (endpoint.get("conditions") or {}).get("ready") is not False
            if numbers and is_ready and reference.get("kind") == "Pod":
                yield reference["name"], int(numbers[0])


def _service_port(service: Manifest, port: str) -> str | None:
    """The name of a service's port; None when it has no such port."""
    ports: list[Mapping[str, Any]] = (service.get("spec") or {}).get("ports") or []
    for one in ports:
        if (not port and len(ports) == 1) or port in (one.get("name"), str(one.get("port"))):
            return one.get("name") or ""
    return None
