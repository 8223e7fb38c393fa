"""A route table as one static configuration, for Envoy to judge without serving it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.embedded.network import xds
from choreo_local.embedded.network.table import RouteTable

Resource = dict[str, Any]

_NOWHERE = "127.0.0.1"


def configuration(table: RouteTable, clusters: Iterable[Mapping[str, Any]]) -> Resource:
    """Everything that the files would say of the table, in one."""
    listeners = [
        _with_routes(
            xds.listener(port, host_port=port.port, addresses=(_NOWHERE,), directory=""),
            {each["name"]: each for each in xds.route_configurations(port, host_port=port.port)},
        )
        for port in table.ports
        if port.hosts or port.is_tls
    ]
    made = xds.bootstrap(lds="", cds="", admin=None)
    del made["dynamic_resources"]
    made["static_resources"] = {
        "listeners": [_untyped(each) for each in listeners],
        "clusters": [_untyped(each) for each in clusters],
    }
    return made


def _with_routes(listener: Resource, routes: Mapping[str, Resource]) -> Resource:
    chains = [_chain(each, routes) for each in listener["filter_chains"]]
    return {**listener, "filter_chains": chains}


def _chain(chain: Resource, routes: Mapping[str, Resource]) -> Resource:
    """A chain with the routes in it; one whose certificates are left out does without TLS."""
    made = {**chain, "filters": [_filter(each, routes) for each in chain["filters"]]}
    tls = (chain.get("transport_socket") or {}).get("typed_config") or {}
    if not (tls.get("common_tls_context") or {}).get("tls_certificates"):
        made.pop("transport_socket", None)
    return made


def _filter(each: Resource, routes: Mapping[str, Resource]) -> Resource:
    config = dict(each["typed_config"])
    source = config.pop("rds", None)
    if source is None:
        return each
    found = _untyped(routes[source["route_config_name"]])
    # Clusters that do not exist are no reason to refuse routes that come from files.
    config["route_config"] = {**found, "validate_clusters": False}
    return {**each, "typed_config": config}


def _untyped(resource: Mapping[str, Any]) -> Resource:
    return {key: value for key, value in resource.items() if key != "@type"}
