"""Where a component's endpoints can be reached: `status.endpoints` of a ReleaseBinding; pure.

Read from the manifests just rendered, not from live objects, so that URLs are known before anything
is applied. Used by the ReleaseBinding controller and by what prints URLs.

Public: `resolve(manifests, endpoints, environment, data_plane)`, `url_for(entry, visibility)`,
`address(url)`, `env_vars(dependency, url)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.api import labels

from .values import items, members

Manifest = Mapping[str, Any]

_GATEWAY_GROUP = "gateway.networking.k8s.io"
_ROUTES: Mapping[str, frozenset[str]] = {
    "HTTPRoute": frozenset({"HTTP", "GraphQL", "Websocket", "gRPC"}),
    "GRPCRoute": frozenset({"gRPC"}),
    "TLSRoute": frozenset({"HTTP", "GraphQL", "Websocket", "gRPC", "TCP"}),
}
# Endpoint type → scheme without and with TLS at the gateway.
_GATEWAY_SCHEMES: Mapping[str, tuple[str, str]] = {
    "HTTP": ("http", "https"),
    "GraphQL": ("http", "https"),
    "Websocket": ("ws", "wss"),
    "gRPC": ("grpc", "grpcs"),
    "TCP": ("", "tls"),
}
_SERVICE_SCHEMES: Mapping[str, str] = {
    "HTTP": "http",
    "GraphQL": "http",
    "Websocket": "ws",
    "gRPC": "grpc",
    "TCP": "tcp",
    "UDP": "udp",
}
_URL_SCHEMES = frozenset({"http", "https", "ws", "wss", "tls"})
_BUCKETS = {"external": "externalURLs", "internal": "internalURLs"}


def resolve(
    manifests: Sequence[Manifest],
    endpoints: Mapping[str, Manifest] | None,
    *,
    environment: Manifest,
    data_plane: Manifest,
) -> list[dict[str, Any]] | None:
    """The endpoint entries of a binding's status; None when the workload has no endpoints."""
    if not endpoints:
        return None
    entries: dict[str, dict[str, Any]] = {}
    gateways = _ingress(environment, data_plane)
    routes = _indexed_routes(manifests, endpoints)
    for name in sorted(routes):
        kind = str(endpoints[name].get("type", ""))
        entries[name] = {"name": name, "type": kind}
        for side, route in sorted(routes[name].items()):
            urls = _gateway_urls(route, kind, gateways.get(side) or {})
            if urls:
                entries[name][_BUCKETS[side]] = urls
    _add_service_urls(entries, manifests, endpoints)
    return list(entries.values())


def url_for(entry: Manifest, visibility: str) -> dict[str, Any] | None:
    """The URL of a status entry that a connection of this visibility uses, if there is one."""
    if visibility in {"project", "namespace"}:
        return _copy(entry.get("serviceURL"))
    if visibility == "external":
        urls = entry.get("externalURLs") or {}
        return next((_copy(urls[key]) for key in ("https", "http", "tls") if urls.get(key)), None)
    return None


def address(url: Manifest) -> str:
    """A URL as the text of an environment variable; plain host and port for non-web schemes."""
    scheme, port, path = url.get("scheme", ""), url.get("port") or 0, url.get("path", "")
    text = f"{scheme}://" if scheme in _URL_SCHEMES else ""
    text += str(url.get("host", ""))
    if port:
        text += f":{int(port)}"
    if path:
        text += path if path.startswith("/") else f"/{path}"
    return text


def env_vars(env_bindings: Manifest | None, url: Manifest) -> list[dict[str, Any]]:
    """The environment variables that a resolved connection asks for, in upstream's order."""
    port = int(url.get("port") or 0)
    values = (
        ("address", address(url)),
        ("host", url.get("host", "")),
        ("port", str(port) if port else ""),
        ("basePath", url.get("path", "")),
    )
    bindings = env_bindings or {}
    return [
        {"name": bindings[key]} | ({"value": value} if value else {})
        for key, value in values
        if bindings.get(key)
    ]


def _ingress(environment: Manifest, data_plane: Manifest) -> Manifest:
    """The gateways of an environment as a whole if it names any, else the data plane's.

    Rendering merges the two side by side; upstream does not do so here, and neither do we, because
    clients compare the URLs.
    """
    for owner in (environment, data_plane):
        ingress = (owner.get("spec", {}).get("gateway") or {}).get("ingress")
        if ingress:
            return dict(ingress)
    return {}


def _indexed_routes(
    manifests: Iterable[Manifest], endpoints: Mapping[str, Manifest]
) -> dict[str, dict[str, Manifest]]:
    """Endpoint name → side → the last route for it."""
    found: dict[str, dict[str, Manifest]] = {}
    for manifest in manifests:
        group = str(manifest.get("apiVersion", "")).partition("/")[0]
        types = _ROUTES.get(str(manifest.get("kind", "")))
        if group != _GATEWAY_GROUP or types is None:
            continue
        marks = members(members(manifest.get("metadata")).get("labels"))
        endpoint = endpoints.get(str(marks.get(labels.ENDPOINT_NAME, "")))
        if endpoint is None or endpoint.get("type") not in types:
            continue
        side = "external" if marks.get(labels.ENDPOINT_VISIBILITY) == "external" else "internal"
        found.setdefault(marks[labels.ENDPOINT_NAME], {})[side] = manifest
    return found


def _gateway_urls(route: Manifest, kind: str, gateway: Manifest) -> dict[str, Any]:
    hostnames = items(members(route.get("spec")).get("hostnames"))
    if not hostnames or not hostnames[0] or not gateway:
        return {}
    plain, secure = _GATEWAY_SCHEMES[kind]
    if route.get("kind") == "TLSRoute":
        schemes = {"tls": secure}
    else:
        schemes = {"http": plain, "https": secure}
    path = _route_path(route)
    return {
        listener: _url(scheme, str(hostnames[0]), gateway[listener].get("port"), path)
        for listener, scheme in schemes.items()
        if gateway.get(listener)
    }


def _route_path(route: Manifest) -> str:
    annotations = members(members(route.get("metadata")).get("annotations"))
    if annotations.get(labels.ENDPOINT_BASE_PATH):
        return str(annotations[labels.ENDPOINT_BASE_PATH])
    if route.get("kind") != "HTTPRoute":
        return ""
    for rule in items(members(route.get("spec")).get("rules"))[:1]:
        for match in items(members(rule).get("matches"))[:1]:
            return str(members(members(match).get("path")).get("value") or "")
    return ""


def _add_service_urls(
    entries: dict[str, dict[str, Any]],
    manifests: Sequence[Manifest],
    endpoints: Mapping[str, Manifest],
) -> None:
    services = [m for m in manifests if m.get("apiVersion") == "v1" and m.get("kind") == "Service"]
    if not services:
        return
    wanted = {int(endpoint.get("port") or 0) for endpoint in endpoints.values()}
    chosen = max(services, key=lambda service: len(wanted & _service_ports(service)))
    served, metadata = _service_ports(chosen), members(chosen.get("metadata"))
    host = f"{metadata.get('name', '')}.{metadata.get('namespace', '')}.svc.cluster.local"
    for name in sorted(endpoints):
        endpoint, kind = endpoints[name], str(endpoints[name].get("type", ""))
        port = int(endpoint.get("port") or 0)
        if port not in served:
            continue
        entry = entries.setdefault(name, {"name": name, "type": kind})
        scheme = _SERVICE_SCHEMES.get(kind, "")
        entry["serviceURL"] = _url(scheme, host, port, str(endpoint.get("basePath") or ""))


def _service_ports(service: Manifest) -> set[int]:
    ports = (members(port).get("port") for port in items(members(service.get("spec")).get("ports")))
    return {port for port in ports if isinstance(port, int)}


def _url(scheme: str, host: str, port: Any, path: str) -> dict[str, Any]:
    url = {"scheme": scheme, "host": host, "port": int(port or 0), "path": path}
    return {key: value for key, value in url.items() if value or key == "host"}


def _copy(url: Any) -> dict[str, Any] | None:
    return dict(url) if url else None
