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
