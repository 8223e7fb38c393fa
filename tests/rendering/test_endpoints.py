"""URLs of endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import endpoints

ENTRY = {
    "serviceURL": {"scheme": "http", "host": "svc", "port": 80},
    "externalURLs": {"http": {"host": "plain"}, "https": {"host": "secure"}},
    "internalURLs": {"http": {"host": "inside"}},
}
PLANE = {
    "spec": {
        "gateway": {
            "ingress": {
                "external": {"http": {"port": 19080}},
                "internal": {"http": {"port": 18080}},
            }
        }
    }
}


def service(name: str, *ports: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "cell"},
        "spec": {"ports": [{"port": port} for port in ports]},
    }


def route(visibility: str, **metadata: Any) -> dict[str, Any]:
    marks = {
        "openchoreo.dev/endpoint-name": "api",
        "openchoreo.dev/endpoint-visibility": visibility,
    }
    rules = [{"matches": [{"path": {"value": "/p"}}]}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"labels": marks, **metadata},
        "spec": {"hostnames": ["h"], "rules": rules},
    }


def resolved(*manifests: Any, environment: Any = None, kind: str = "HTTP") -> Any:
    return endpoints.resolve(
        manifests,
        {"api": {"type": kind, "port": 80}},
        environment=environment or {},
        data_plane=PLANE,
    )


def test_service_that_serves_most_endpoints_is_chosen() -> None:
    found = resolved(service("other", 81), service("right", 80), service("late", 80))

    assert found[0]["serviceURL"]["host"] == "right.cell.svc.cluster.local"


def test_gateway_of_the_environment_replaces_those_of_the_plane_as_a_whole() -> None:
    own = {"spec": {"gateway": {"ingress": {"external": {"http": {"port": 1}}}}}}

    found = resolved(route("external"), route("internal"), environment=own)[0]

    assert found["externalURLs"]["http"]["port"] == 1
    assert "internalURLs" not in found


def test_annotation_overrides_the_path_of_a_route() -> None:
    annotated = route("external", annotations={"openchoreo.dev/endpoint-base-path": "/base"})

    assert resolved(annotated)[0]["externalURLs"]["http"]["path"] == "/base"
    assert resolved(route("external"))[0]["externalURLs"]["http"]["path"] == "/p"


def test_route_of_another_type_is_ignored() -> None:
    assert resolved(route("external"), kind="UDP") == []


@pytest.mark.parametrize(
    ("visibility", "host"),
    [("project", "svc"), ("namespace", "svc"), ("external", "secure"), ("internal", None)],
)
def test_connection_uses_the_url_of_its_visibility(visibility: str, host: str | None) -> None:
    url = endpoints.url_for(ENTRY, visibility)

    assert (url or {}).get("host") == host


def test_variables_are_those_that_were_asked_for() -> None:
    url = {"scheme": "grpc", "host": "h", "port": 9090, "path": "x"}

    assert endpoints.env_vars({"basePath": "B", "address": "A", "host": ""}, url) == [
        {"name": "A", "value": "h:9090/x"},
        {"name": "B", "value": "x"},
    ]


def test_workload_without_endpoints_has_none() -> None:
    assert endpoints.resolve([], None, environment={}, data_plane=PLANE) is None


@pytest.mark.parametrize(
    ("kind", "listener", "scheme"), [("TLSRoute", "tls", "tls"), ("GRPCRoute", "http", "grpc")]
)
def test_other_routes_have_their_own_urls(kind: str, listener: str, scheme: str) -> None:
    manifest = {**route("external"), "kind": kind}
    gateways = {"ingress": {"external": {"http": {"port": 80}, "tls": {"port": 443}}}}
    endpoint_type = "TCP" if kind == "TLSRoute" else "gRPC"

    found = resolved(manifest, environment={"spec": {"gateway": gateways}}, kind=endpoint_type)

    urls = found[0]["externalURLs"]
    assert (list(urls), urls[listener]["scheme"], urls[listener].get("path")) == (
        [listener],
        scheme,
        None,
    )


def test_route_without_a_host_or_a_match_gives_what_it_can() -> None:
    hostless = {**route("external"), "spec": {}}
    matchless = {**route("external"), "spec": {"hostnames": ["h"]}}

    assert "externalURLs" not in resolved(hostless)[0]
    assert "path" not in resolved(matchless)[0]["externalURLs"]["http"]


def test_address_shows_what_the_url_has() -> None:
    assert endpoints.address({"scheme": "http", "host": "h"}) == "http://h"
    assert endpoints.address({"scheme": "tcp", "host": "h", "port": 1, "path": "/x"}) == "h:1/x"
