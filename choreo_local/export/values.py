"""The values of upstream's charts for each plane, and which of their keys we know. Pure.

Only what must differ from the charts' own defaults stands in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.export import addresses as numbers
from choreo_local.export.addresses import Addresses, Ports
from choreo_local.export.planes import AGENT_AUTHORITY, Plane

Values = dict[str, Any]

CONTROL_CHART = "openchoreo-control-plane"
BACKSTAGE_SECRET = "backstage-secrets"
_GATEWAY_NAMES = (
    "cluster-gateway.openchoreo-control-plane.svc",
    "cluster-gateway.openchoreo-control-plane.svc.cluster.local",
)

# Chart → path of a value → its type and whether the planes could not find each other without it.
KNOWN: Mapping[str, Mapping[str, tuple[type, bool]]] = {
    CONTROL_CHART: {
        "backstage.baseUrl": (str, True),
        "backstage.http.hostnames": (list, True),
        "backstage.secretName": (str, True),
        "clusterGateway.service.type": (str, False),
        "clusterGateway.tls.dnsNames": (list, True),
        "clusterGateway.tls.issuerRef.name": (str, True),
        "clusterGateway.tlsRoute.enabled": (bool, False),
        "clusterGateway.tlsRoute.hosts": (list, False),
        "features.secretManagement.enabled": (bool, True),
        "gateway.httpPort": (int, True),
        "gateway.httpsPort": (int, True),
        "gateway.tls.enabled": (bool, True),
        "openchoreoApi.config.server.publicUrl": (str, True),
        "openchoreoApi.http.hostnames": (list, True),
        "security.oidc.authorizationUrl": (str, True),
        "security.oidc.issuer": (str, True),
        "security.oidc.jwksUrl": (str, True),
        "security.oidc.tokenUrl": (str, True),
    },
    "openchoreo-data-plane": {
        "clusterAgent.planeID": (str, True),
        "clusterAgent.replicas": (int, False),
        "clusterAgent.serverUrl": (str, True),
        "clusterAgent.tls.caSecretName": (str, False),
        "clusterAgent.tls.generateCerts": (bool, False),
        "gateway.httpPort": (int, True),
        "gateway.httpsPort": (int, True),
        "gateway.tls.enabled": (bool, True),
    },
    "openchoreo-workflow-plane": {
        "clusterAgent.planeID": (str, True),
        "clusterAgent.replicas": (int, False),
        "clusterAgent.serverUrl": (str, True),
        "clusterAgent.tls.caSecretName": (str, False),
        "clusterAgent.tls.generateCerts": (bool, False),
    },
    "openchoreo-observability-plane": {
        "clusterAgent.planeID": (str, True),
        "clusterAgent.replicas": (int, False),
        "clusterAgent.serverUrl": (str, True),
        "clusterAgent.tls.caSecretName": (str, False),
        "clusterAgent.tls.generateCerts": (bool, False),
        "gateway.httpPort": (int, True),
        "gateway.tls.enabled": (bool, True),
        "gateway.tlsPassthrough.enabled": (bool, False),
        "gateway.tlsPassthrough.hostname": (str, False),
        "gateway.tlsPassthrough.port": (int, False),
        "observer.cors.allowedOrigins": (list, True),
        "observer.http.hostnames": (list, True),
        "security.oidc.authorizationUrl": (str, False),
        "security.oidc.issuer": (str, True),
        "security.oidc.jwksUrl": (str, True),
        "security.oidc.jwksUrlTlsInsecureSkipVerify": (str, False),
        "security.oidc.tokenUrl": (str, True),
        "tls.dnsNames": (list, False),
        "tls.enabled": (bool, False),
    },
}


def control_plane(names: Addresses) -> Values:
    """What the control plane needs to know of itself."""
    gateway = names.host("cluster-gateway")
    return {
        "openchoreoApi": {
            "http": {"hostnames": [names.host("api")]},
            "config": {"server": {"publicUrl": names.control("api")}},
        },
        "backstage": {
            "secretName": BACKSTAGE_SECRET,
            "baseUrl": names.control(),
            "http": {"hostnames": [names.domain]},
        },
        "security": {
            "oidc": {
                **_provider(names),
                "authorizationUrl": f"{names.control('thunder')}/oauth2/authorize",
            }
        },
        "clusterGateway": {
            "tlsRoute": {"enabled": True, "hosts": [{"host": gateway}]},
            "tls": {
                "issuerRef": {"name": "cluster-gateway-server-issuer"},
                "dnsNames": [*_GATEWAY_NAMES, gateway],
            },
        },
        "gateway": _gateway(numbers.CONTROL),
        "features": {"secretManagement": {"enabled": True}},
    }


def of_plane(plane: Plane, names: Addresses, *, own_authority: bool) -> Values:
    """What a plane needs to know of itself and of the control plane."""
    agent: Values = {"serverUrl": names.agents, "planeID": plane.id}
    if own_authority:
        agent["tls"] = {"generateCerts": False, "caSecretName": AGENT_AUTHORITY}
    values: Values = {"clusterAgent": agent}
    if plane.type == "data-plane":
        values["gateway"] = _gateway(numbers.DATA)
    elif plane.type == "observability-plane":
        values |= _observability(names)
    return values


def _observability(names: Addresses) -> Values:
    telemetry = names.host("observability")
    return {
        "gateway": {
            "httpPort": numbers.OBSERVABILITY.http,
            "tls": {"enabled": False},
            # Where other planes have HTTPS, TLS goes through to the store of telemetry.
            "tlsPassthrough": {
                "enabled": True,
                "hostname": f"opensearch.{telemetry}",
                "port": numbers.OBSERVABILITY.https,
            },
        },
        "observer": {
            "http": {"hostnames": [names.host("observer")]},
            "cors": {"allowedOrigins": [names.control()]},
        },
        "security": {"oidc": _provider(names)},
        "tls": {"enabled": True, "dnsNames": [telemetry, f"*.{telemetry}"]},
    }


def _provider(names: Addresses) -> Values:
    base = names.control("thunder")
    return {
        "issuer": base,
        "jwksUrl": f"{base}/oauth2/jwks",
        "tokenUrl": f"{base}/oauth2/token",
    }


def _gateway(ports: Ports) -> Values:
    return {"httpPort": ports.http, "httpsPort": ports.https, "tls": {"enabled": False}}
