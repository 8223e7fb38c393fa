"""All definitions in the document of version 2."""

from __future__ import annotations

import asyncio
from typing import Any

from choreo_local.embedded.kubeapi import builtin, openapi_v2
from tests.embedded.kubeapi.harness import Api
from tests.embedded.kubeapi.protowire import message

POD = "io.k8s.api.core.v1.Pod"


def test_references_are_those_of_version_2() -> None:
    found = openapi_v2.document(builtin.resources())

    pod = found["definitions"][POD]
    assert found["swagger"] == "2.0"
    assert pod["properties"]["spec"]["$ref"] == "#/definitions/io.k8s.api.core.v1.PodSpec"
    assert "allOf" not in pod["properties"]["spec"]
    assert {"group": "", "version": "v1", "kind": "Pod"} in pod["x-kubernetes-group-version-kind"]
    assert "#/components" not in openapi_v2.text(builtin.resources(), protobuf=False).decode()


def test_a_schema_is_written_as_gnostic_reads_it() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/b"}, "n": {"minimum": 1.5, "default": 2}},
        "required": ["a"],
        "additionalProperties": False,
        "x-kubernetes-list-type": "set",
    }
    document = {
        "swagger": "2.0",
        "info": {"title": "t", "version": "v"},
        "definitions": {"d": schema},
    }

    number = b"\x49" + b"\x00\x00\x00\x00\x00\x00\xf8\x3f" + message((5, message((2, "2"))))
    properties = message(
        (1, message((1, "a"), (2, message((1, "#/definitions/b"))))),
        (1, message((1, "n"), (2, number))),
    )
    expected = message(
        (22, message((1, "object"))),
        (25, properties),
        (19, "a"),
        (21, message((2, 0))),
        (31, message((1, "x-kubernetes-list-type"), (2, message((2, '"set"'))))),
    )
    assert openapi_v2.encode(document) == message(
        (1, "2.0"),
        (2, message((1, "t"), (2, "v"))),
        (8, b""),
        (9, message((1, message((1, "d"), (2, expected))))),
    )


async def test_the_document_follows_the_definitions() -> None:
    api = await Api.start()
    before = await api.must("GET", "/openapi/v2")
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [version],
    }
    definition = {"metadata": {"name": "widgets.example.com"}, "spec": spec}
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await api.must("POST", path, definition)
    # It is served from the next turn of the loop on.
    await asyncio.sleep(0)

    after = await api.must("GET", "/openapi/v2")

    added = after["definitions"].keys() - before["definitions"].keys()
    assert {"com.example.v1.Widget", "com.example.v1.WidgetList"} <= added
