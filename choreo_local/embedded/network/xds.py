"""Route table → Envoy's configuration: listeners and their routes, and how it starts. Pure.

Each resource is a value that `envoy` writes as JSON. Names are stable, so that Envoy keeps what did
not change: `port-<port>` for a listener and its routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.embedded.network import xds_guards, xds_routes, xds_sessions
from choreo_local.embedded.network.acceptable import LARGEST_PROGRAM
from choreo_local.embedded.network.table import (
    Certificate,
    PassThrough,
    PortTable,
    SecureHost,
    VirtualHost,
    WeightedBackend,
)

Resource = dict[str, Any]

# A refusal is counted as a failure where not even the form was right.
STATISTICS = ("update_success", "update_rejected", "update_failure")
_ACTIVE = "downstream_rq_active"

_TYPE = "type.googleapis.com/envoy."
_CONNECTION_MANAGER = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TCP_PROXY = "extensions.filters.network.tcp_proxy.v3.TcpProxy"


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
    main, *more = [socket_address(each, host_port) for each in addresses]
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


def socket_address(address: str, port: int) -> Resource:
    """Where something listens."""
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
            *_http_filters(hosts),
            _filter(
                "envoy.filters.http.router", f"{_TYPE}extensions.filters.http.router.v3.Router"
            ),
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


def _http_filters(hosts: Iterable[VirtualHost]) -> list[Resource]:
    """The filters, in the order in which requests pass; routes switch them on."""
    cors = _filter(xds_routes.CORS, f"{_TYPE}extensions.filters.http.cors.v3.Cors")
    sessions = {"name": xds_routes.SESSION, "typed_config": xds_sessions.http_filter()}
    return [
        {**cors, "disabled": True},
        *xds_guards.http_filters(hosts),
        {**sessions, "disabled": True},
    ]


def _filter(name: str, type_: str) -> Resource:
    return {"name": name, "typed_config": {"@type": type_}}


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
                        *({"suffix": each} for each in (*STATISTICS, _ACTIVE)),
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
                {"resolvers": [socket_address(resolver, 53)]},
            ),
        }
    if admin:
        made["admin"] = {"address": {"pipe": {"path": admin, "mode": 0o600}}}
    return made
