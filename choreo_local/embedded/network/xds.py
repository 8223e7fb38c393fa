"""Route table → Envoy's configuration: listeners, routes, clusters. Pure.

Each resource is a value that `envoy` writes as JSON. Names are stable, so that Envoy keeps what did
not change: `port-<port>` for a listener and its routes, the BackendKey for a cluster.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.embedded.network import xds_guards, xds_routes
from choreo_local.embedded.network.acceptable import LARGEST_PROGRAM
from choreo_local.embedded.network.datapath import Endpoints
from choreo_local.embedded.network.guards import Limits, RemoteKeys
from choreo_local.embedded.network.table import (
    Backend,
    BackendProtocol,
    Certificate,
    Endpoint,
    PassThrough,
    PortTable,
    SecureHost,
    VirtualHost,
    WeightedBackend,
)

Resource = dict[str, Any]

# A refusal is counted as a failure where not even the form was right.
STATISTICS = ("update_success", "update_rejected", "update_failure")

_TYPE = "type.googleapis.com/envoy."
_CONNECTION_MANAGER = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TCP_PROXY = "extensions.filters.network.tcp_proxy.v3.TcpProxy"
_HTTP_OPTIONS = "extensions.upstreams.http.v3.HttpProtocolOptions"
# Common servers close idle connections after 5 s or more; being first avoids lost requests.
_UPSTREAM_IDLE = "4s"
_CONNECT_TIMEOUT = "2s"
_NO_LIMIT = 1000000


def typed(name: str, content: Mapping[str, Any]) -> Resource:
    """A protobuf `Any` in JSON."""
    return {"@type": f"{_TYPE}{name}", **content}


def routes_file(configuration: str) -> str:
    """The file of a configuration of routes; Envoy takes one from each file."""
    return f"rds-{configuration.replace('*', '_')}.json"


def listener(
    port: PortTable, *, host_port: int, addresses: Sequence[str], directory: str
) -> Resource:
    """The listener of a port on loopback addresses; its routes come from files."""
    main, *more = [_address(address, host_port) for address in addresses]
    made: Resource = typed(
        "config.listener.v3.Listener",
        {
            "name": f"port-{port.port}",
            "address": main,
            # Another server of the same user could listen on the same port, and share its clients.
            "enable_reuse_port": False,
            "per_connection_buffer_limit_bytes": 1 << 20,
            "filter_chains": _filter_chains(port, directory),
        },
    )
    if more:
        made["additional_addresses"] = [{"address": each} for each in more]
    if port.is_tls:
        inspector = "extensions.filters.listener.tls_inspector.v3.TlsInspector"
        made["listener_filters"] = [{"name": "tls_inspector", "typed_config": typed(inspector, {})}]
    return made


def _address(address: str, port: int) -> Resource:
    return {"socket_address": {"address": address, "port_value": port}}


def _filter_chains(port: PortTable, directory: str) -> list[Resource]:
    if not port.is_tls:
        return [{"filters": [_connection_manager(f"port-{port.port}", directory, port.hosts)]}]
    chains = [_secure_chain(port, each, directory) for each in port.secure]
    return chains + [_pass_through_chain(each) for each in port.pass_through]


def _server_names(hostname: str) -> Resource:
    return {} if hostname == "*" else {"server_names": [hostname]}


def _secure_chain(port: PortTable, host: SecureHost, directory: str) -> Resource:
    tls = typed(
        "extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        {
            "common_tls_context": {
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificates": [_certificate(each) for each in host.certificates],
            }
        },
    )
    return {
        "filter_chain_match": {"transport_protocol": "tls", **_server_names(host.hostname)},
        "filters": [_connection_manager(secure_name(port, host), directory, host.hosts)],
        "transport_socket": {"name": "tls", "typed_config": tls},
    }


def secure_name(port: PortTable, host: SecureHost) -> str:
    """The name of the routes behind a server name."""
    return f"port-{port.port}-{host.hostname}"


def _certificate(certificate: Certificate) -> Resource:
    return {
        "certificate_chain": {"inline_string": certificate.chain},
        "private_key": {"inline_string": certificate.key},
    }


def _pass_through_chain(each: PassThrough) -> Resource:
    clusters = _weighted_tcp(each.backends)
    proxy: Resource = {"stat_prefix": "tls", **clusters}
    tcp = {"name": "tcp", "typed_config": typed(_TCP_PROXY, proxy)}
    return {
        "filter_chain_match": {"transport_protocol": "tls", **_server_names(each.hostname)},
        "filters": [tcp],
    }


def _weighted_tcp(backends: Sequence[WeightedBackend]) -> Resource:
    usable = [each for each in backends if each.backend is not None and each.weight > 0]
    if not usable:
        return {"cluster": "none"}
    targets = [xds_routes.target(each.backend) for each in usable if each.backend]
    if len(usable) == 1:
        return targets[0]
    entries = [
        {"name": one["cluster"], "metadata_match": one["metadata_match"], "weight": each.weight}
        for one, each in zip(targets, usable, strict=True)
    ]
    return {"weighted_clusters": {"clusters": entries}}


def _connection_manager(name: str, directory: str, hosts: Iterable[VirtualHost]) -> Resource:
    content = {
        "stat_prefix": "http",
        "codec_type": "AUTO",
        "rds": {
            "route_config_name": name,
            "config_source": {
                "resource_api_version": "V3",
                "path_config_source": {"path": f"{directory}/{routes_file(name)}"},
            },
        },
        "http_filters": [
            _filter("cors", "extensions.filters.http.cors.v3.Cors"),
            *xds_guards.http_filters(hosts),
            _filter("router", "extensions.filters.http.router.v3.Router"),
        ],
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": False,
        "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
        "stream_idle_timeout": "0s",
        "common_http_protocol_options": {
            "idle_timeout": "3600s",
            "headers_with_underscores_action": "ALLOW",
        },
        "server_header_transformation": "PASS_THROUGH",
        "generate_request_id": True,
        "drain_timeout": "2s",
    }
    return {"name": "http", "typed_config": typed(_CONNECTION_MANAGER, content)}


def _filter(name: str, type_: str) -> Resource:
    return {"name": f"envoy.filters.http.{name}", "typed_config": typed(type_, {})}


def route_configurations(port: PortTable, *, host_port: int) -> list[Resource]:
    """The routes of a port: of plain HTTP, or of each TLS server name."""
    named = {f"port-{port.port}": port.hosts}
    if port.is_tls:
        named = {secure_name(port, each): each.hosts for each in port.secure}
    return [
        xds_routes.route_configuration(name, hosts, host_port=host_port)
        for name, hosts in named.items()
    ]


def route_names(port: PortTable) -> list[str]:
    """The names of the port's configurations of routes."""
    plain = [] if port.is_tls else [f"port-{port.port}"]
    return plain + [secure_name(port, each) for each in port.secure]


def pool_cluster(protocol: BackendProtocol, eds: str) -> Resource:
    """The cluster of all backends that speak a protocol; its endpoints come from the file `eds`.

    One cluster for all, as Envoy opens an inotify instance for each file that it follows and a user
    may have 128 of those. The endpoints of a backend are the subset that is marked with its name.
    """
    return typed(
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
    return typed(
        "config.endpoint.v3.ClusterLoadAssignment",
        {"cluster_name": protocol.value, "endpoints": [{"lb_endpoints": entries}]},
    )


def backend_cluster(
    backend: Backend, endpoints: Iterable[Endpoint], *, limits: Limits | None = None
) -> Resource:
    """A cluster of its own for a backend.

    For copies of requests and keys of issuers, which cannot choose a subset, and where limits hold.
    """
    entries = [_endpoint(each) for each in endpoints]
    name = xds_routes.own_cluster_name(backend, limits)
    return typed(
        "config.cluster.v3.Cluster",
        {
            "name": name,
            "type": "STATIC",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": entries}]},
            **_cluster_settings(backend.protocol, limits),
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
        tls = typed("extensions.transport_sockets.tls.v3.UpstreamTlsContext", context)
        made["transport_socket"] = {"name": "tls", "typed_config": tls}
    return typed("config.cluster.v3.Cluster", made)


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
    return {"endpoint": {"address": _address(endpoint.address, endpoint.port)}}


def _http_options(protocol: BackendProtocol) -> Resource:
    http2 = protocol is BackendProtocol.HTTP2
    name = "http2_protocol_options" if http2 else "http_protocol_options"
    return typed(
        _HTTP_OPTIONS,
        {
            "common_http_protocol_options": {"idle_timeout": _UPSTREAM_IDLE},
            "explicit_http_config": {name: {}},
        },
    )


def bootstrap(*, lds: str, cds: str, admin: str | None, resolver: str = "") -> Resource:
    """Envoy's own start configuration, for the files of listeners and clusters.

    Names are asked of `resolver`, of whom the machine asks where it is empty.
    """
    made: Resource = {
        "node": {"id": "choreo", "cluster": "choreo"},
        "dynamic_resources": {
            "lds_config": {"resource_api_version": "V3", "path_config_source": {"path": lds}},
            "cds_config": {"resource_api_version": "V3", "path_config_source": {"path": cds}},
        },
        "layered_runtime": {
            "layers": [
                {
                    "name": "static",
                    "static_layer": {"re2.max_program_size.error_level": LARGEST_PROGRAM},
                }
            ]
        },
        "stats_config": {
            "stats_matcher": {
                "inclusion_list": {
                    "patterns": [
                        *({"suffix": each} for each in STATISTICS),
                        {"prefix": "listener_manager."},
                    ]
                }
            }
        },
    }
    if resolver:
        made["typed_dns_resolver_config"] = {
            "name": "envoy.network.dns_resolver.cares",
            "typed_config": typed(
                "extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
                {"resolvers": [_address(resolver, 53)]},
            ),
        }
    if admin:
        made["admin"] = {"address": {"pipe": {"path": admin, "mode": 0o600}}}
    return made
