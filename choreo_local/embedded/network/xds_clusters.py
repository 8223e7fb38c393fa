"""Backends of the route table → Envoy's clusters and their endpoints. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from choreo_local.embedded.network import xds, xds_guards, xds_routes, xds_sessions
from choreo_local.embedded.network.datapath import Endpoints
from choreo_local.embedded.network.guards import Limits, RemoteKeys
from choreo_local.embedded.network.table import Backend, BackendProtocol, Endpoint, Joined

Resource = dict[str, Any]

_HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"
# Common servers close idle connections after 5 s or more; being first avoids lost requests.
_UPSTREAM_IDLE = "4s"
_CONNECT_TIMEOUT = "2s"
_NO_LIMIT = 1000000


def pool_cluster(protocol: BackendProtocol, eds: str) -> Resource:
    """The cluster of all backends that speak a protocol; its endpoints come from the file `eds`.

    One cluster for all, as Envoy opens an inotify instance for each file that it follows and a user
    may have 128 of those. The endpoints of a backend are the subset that is marked with its name.
    """
    return xds.typed(
        "config.cluster.v3.Cluster",
        {
            "name": protocol.value,
            "type": "EDS",
            "eds_cluster_config": {
                "eds_config": {"resource_api_version": "V3", "path_config_source": {"path": eds}},
            },
            "lb_subset_config": {
                "fallback_policy": "NO_FALLBACK",
                "subset_selectors": [{"keys": [xds_routes.BACKEND]}],
                # A Pod may serve several Services.
                "list_as_any": True,
            },
            "ignore_health_on_host_removal": True,
            **_cluster_settings(protocol),
        },
    )


def _cluster_settings(protocol: BackendProtocol, limits: Limits | None = None) -> Resource:
    thresholds = {
        "max_connections": limits and limits.connections,
        "max_pending_requests": limits and limits.pending,
        "max_requests": limits and limits.requests,
        "max_retries": limits and limits.retries,
    }
    allowed = {name: _NO_LIMIT if most is None else most for name, most in thresholds.items()}
    return {
        "connect_timeout": _CONNECT_TIMEOUT,
        "lb_policy": "ROUND_ROBIN",
        # Health comes from the cluster; with few endpoints a panic threshold only hides it.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": {"thresholds": [allowed]},
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _http_options(protocol)
        },
    }


def pool_assignment(protocol: BackendProtocol, endpoints: Endpoints) -> Resource:
    """The endpoints of all backends that speak a protocol, each with the names of its backends."""
    names: dict[Endpoint, list[str]] = {}
    for backend, found in endpoints.items():
        if backend.protocol is protocol:
            for endpoint in found:
                names.setdefault(endpoint, []).append(str(backend.key))
    entries = [
        {
            **_endpoint(each),
            "metadata": {"filter_metadata": {"envoy.lb": {xds_routes.BACKEND: sorted(found)}}},
        }
        for each, found in sorted(names.items())
    ]
    return xds.typed(
        "config.endpoint.v3.ClusterLoadAssignment",
        {"cluster_name": protocol.value, "endpoints": [{"lb_endpoints": entries}]},
    )


def backend_cluster(
    backend: Backend, endpoints: Iterable[Endpoint], *, limits: Limits | None = None
) -> Resource:
    """A cluster of its own for a backend.

    For copies of requests and keys of issuers, which cannot choose a subset, for sessions,
    which must not, and where limits hold.
    """
    entries = [_endpoint(each) for each in endpoints]
    name = xds_routes.own_cluster_name(backend, limits)
    return _static_cluster(name, entries, _cluster_settings(backend.protocol, limits))


def joined_cluster(joined: Joined, endpoints: Endpoints) -> Resource:
    """One cluster for several backends, among whose instances sessions can move nobody."""
    weights = sorted(xds_sessions.weights(joined, endpoints).items())
    entries = [{**_endpoint(each), "load_balancing_weight": weight} for each, weight in weights]
    protocol = joined.shares[0][0].protocol
    name = xds_routes.joined_cluster_name(joined)
    return _static_cluster(name, entries, _cluster_settings(protocol, joined.limits))


def _static_cluster(name: str, entries: Sequence[Resource], settings: Resource) -> Resource:
    return xds.typed(
        "config.cluster.v3.Cluster",
        {
            "name": name,
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": name,
                "endpoints": [{"lb_endpoints": list(entries)}],
            },
            **settings,
        },
    )


def keys_cluster(source: RemoteKeys, *, authorities: str) -> Resource:
    """The server, outside the cluster, that has the keys of an issuer."""
    scheme, host, _ = xds_guards.address_of(source)
    name = xds_guards.keys_cluster_name(source)
    place = keys_endpoint(source)
    entry = _endpoint(place)
    made: Resource = {
        "name": name,
        "type": "STATIC" if _is_address(place.address) else "STRICT_DNS",
        "connect_timeout": _CONNECT_TIMEOUT,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [entry]}]},
    }
    if scheme == "https":
        trusted = {"trusted_ca": {"filename": authorities}}
        names = [] if _is_address(host) else [{"san_type": "DNS", "matcher": {"exact": host}}]
        context = {
            "sni": host,
            "common_tls_context": {
                "validation_context": {**trusted, "match_typed_subject_alt_names": names}
            },
        }
        tls = xds.typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", context)
        made["transport_socket"] = {"name": "tls", "typed_config": tls}
    return xds.typed("config.cluster.v3.Cluster", made)


def keys_endpoint(source: RemoteKeys) -> Endpoint:
    """Where that server is; names of this machine are known without asking."""
    _, host, port = xds_guards.address_of(source)
    is_here = host == "localhost" or host.endswith(".localhost")
    return Endpoint("127.0.0.1" if is_here else host, port)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _endpoint(endpoint: Endpoint) -> Resource:
    return {"endpoint": {"address": xds.socket_address(endpoint.address, endpoint.port)}}


def _http_options(protocol: BackendProtocol) -> Resource:
    http2 = protocol is BackendProtocol.HTTP2
    name = "http2_protocol_options" if http2 else "http_protocol_options"
    return xds.typed(
        _HTTP_OPTIONS,
        {
            "common_http_protocol_options": {"idle_timeout": _UPSTREAM_IDLE},
            "explicit_http_config": {name: {}},
        },
    )
