"""Where a component answers."""

from __future__ import annotations

from choreo_local.services import urls
from tests.services.objects import binding


def _url(scheme: str, host: str) -> dict[str, object]:
    return {"scheme": scheme, "host": host, "port": 80, "path": "/p"}


def test_urls_come_widest_first() -> None:
    endpoints = [
        {
            "name": "http",
            "type": "HTTP",
            "internalURLs": {"http": _url("http", "in")},
            "serviceURL": _url("http", "svc"),
            "externalURLs": {"https": _url("https", "out"), "http": _url("http", "out")},
        },
        {"name": "grpc", "type": "gRPC", "serviceURL": {"host": "svc", "port": 90}},
    ]
    found = urls.of_binding(binding(status={"endpoints": endpoints}))
    assert [(url.endpoint, url.url, url.visibility) for url in found] == [
        ("http", "http://out:80/p", "external"),
        ("http", "https://out:80/p", "external"),
        ("http", "http://in:80/p", "internal"),
        ("http", "http://svc:80/p", "project"),
        ("grpc", "svc:90", "project"),
    ]


def test_a_binding_without_endpoints_has_no_urls() -> None:
    assert urls.of_binding(binding()) == []
