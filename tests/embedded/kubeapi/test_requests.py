"""URL → RequestInfo."""

from __future__ import annotations

import pytest

from choreo_local.embedded.kubeapi import requests
from choreo_local.embedded.kubeapi.messages import Request


@pytest.mark.parametrize(
    ("method", "url", "expected"),
    [
        ("GET", "/api/v1/pods", ("list", "", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/n/pods", ("list", "n", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/n/pods?watch=1", ("watch", "n", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/n/pods?watch=false", ("list", "n", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/n/pods?watch=maybe", ("watch", "n", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/n/pods/p", ("get", "n", "pods", "p", "", "")),
        ("GET", "/api/v1/namespaces/n/pods/p/log", ("get", "n", "pods", "p", "log", "")),
        ("DELETE", "/api/v1/namespaces/n/pods", ("deletecollection", "n", "pods", "", "", "")),
        ("PUT", "/api/v1/namespaces/n", ("update", "n", "namespaces", "n", "", "")),
        ("PUT", "/api/v1/namespaces/n/status", ("update", "n", "namespaces", "n", "status", "")),
        ("PATCH", "/apis/g/v1/namespaces/n/ones/d", ("patch", "n", "ones", "d", "", "g")),
        ("GET", "/api/v1/watch/namespaces/n/pods", ("watch", "n", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/n/pods/%61%20b", ("get", "n", "pods", "a b", "", "")),
        ("GET", "/api/v1/namespaces/n/pods/", ("list", "n", "pods", "", "", "")),
    ],
)  # fmt: skip
def test_a_url_says_which_verb_on_what(method: str, url: str, expected: tuple[str, ...]) -> None:
    path, _, query = url.partition("?")

    info = requests.parse(Request(method, path, query))

    assert info.is_resource
    found = (info.verb, info.namespace, info.resource, info.name, info.subresource, info.group)
    assert found == expected


@pytest.mark.parametrize("path", ["/", "/healthz", "/api", "/api/v1", "/apis/apps/v1", "/version"])
def test_other_paths_are_no_resources(path: str) -> None:
    info = requests.parse(Request("GET", path))

    assert not info.is_resource
    assert info.verb == "get"


def test_what_follows_a_proxy_is_kept() -> None:
    info = requests.parse(Request("GET", "/api/v1/namespaces/n/services/s/proxy/a/b"))

    assert (info.subresource, info.rest) == ("proxy", ("a", "b"))
