"""Operations of described endpoints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from choreo_local.rendering import apiresources

OPENAPI = """
openapi: 3.0.1
paths:
  /books:
    post: {}
    get: {summary: List}
    parameters: []
  /a:
    delete: {}
"""


def extracted(content: str, kind: str = "HTTP", declared: str = "") -> Any:
    endpoint = {"type": kind, "schema": {"content": content, "type": declared}}
    return apiresources.extract({"api": endpoint}).get("api")


def test_openapi_operations_are_listed_in_order() -> None:
    assert extracted(OPENAPI) == [
        {"kind": "HTTP", "method": "DELETE", "path": "/a"},
        {"kind": "HTTP", "method": "GET", "path": "/books"},
        {"kind": "HTTP", "method": "POST", "path": "/books"},
    ]


def test_json_is_read_as_well() -> None:
    document = json.dumps({"openapi": "3.0.0", "paths": {"/x": {"put": {}}}})

    assert extracted(document, "TCP", " Swagger ") == [
        {"kind": "HTTP", "method": "PUT", "path": "/x"}
    ]


@pytest.mark.parametrize(
    "content",
    ["", "  ", "a: [", "- 1", "paths: 5", "\t{", "a: &a [*a]", "[" * 100_000, "{a: " * 100_000],
    ids=lambda content: f"{len(content)} chars",
)
def test_what_cannot_be_read_yields_nothing(content: str) -> None:
    assert extracted(content) is None


def test_proto_services_are_listed() -> None:
    source = 'syntax = "proto3"; package p; message M {} service S { rpc Do(M) returns (M); }'

    assert extracted(source, "gRPC") == [{"kind": "gRPC", "service": "p.S", "method": "Do"}]


@pytest.mark.parametrize(("kind", "declared"), [("TCP", ""), ("HTTP", "graphql"), ("HTTP", "?")])
def test_other_descriptions_are_left_alone(kind: str, declared: str) -> None:
    assert extracted(OPENAPI, kind, declared) is None


def test_documents_are_wanted_only_where_a_template_asks() -> None:
    assert apiresources.is_wanted({"a": ["${workload.toEndpointResources('x')}"]})
    assert not apiresources.is_wanted({"a": "${workload.endpoints}"}, None)
