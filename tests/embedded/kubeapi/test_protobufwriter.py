"""Objects as protobuf: what the reader makes of them is what they were."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version
from choreo_local.embedded.kubeapi import protobuf, protobufwriter, typed
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map

PROTOBUF = "application/vnd.kubernetes.protobuf"
META = {"name": "a", "creationTimestamp": "2020-01-02T03:04:05Z", "labels": {"b": "c", "a": ""}}
OBJECTS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Secret", "metadata": META, "data": {"k": "AAH/"}},
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**META, "ownerReferences": []},
        "spec": {
            "terminationGracePeriodSeconds": -1,
            "hostNetwork": True,
            "containers": [
                {
                    "name": "c",
                    "image": "i",
                    "args": ["x", ""],
                    "resources": {"limits": {"cpu": "100m"}},
                    "livenessProbe": {"httpGet": {"port": "http"}},
                    "ports": [{"containerPort": 80}],
                }
            ],
        },
    },
    {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": META,
        "spec": {"renewTime": "2020-01-02T03:04:05.678901Z", "leaseTransitions": 0},
    },
    {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": META,
        "spec": {
            "versions": [
                {
                    "name": "v1",
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "maximum": 1.5,
                            "default": {"a": [1]},
                            "additionalProperties": {"type": "string"},
                            "properties": {"l": {"type": "array", "items": {"type": "string"}}},
                        }
                    },
                }
            ]
        },
    },
    {
        "apiVersion": "v1",
        "kind": "ConfigMapList",
        "metadata": {"resourceVersion": "5"},
        "items": [{"metadata": META, "data": {"a": "b"}}],
    },
]


@pytest.mark.parametrize("obj", OBJECTS, ids=[one["kind"] for one in OBJECTS])
def test_what_is_written_reads_the_same(obj: dict[str, Any]) -> None:
    gvk = GroupVersionKind(*split_api_version(obj["apiVersion"]), obj["kind"])
    typed.shape(gvk, obj)

    message = protobufwriter.encode(obj)

    assert message is not None
    read = protobuf.decode(message, gvk)
    typed.shape(gvk, read)
    assert read == obj


def test_custom_kinds_have_no_messages() -> None:
    assert protobufwriter.encode({"apiVersion": "example.com/v1", "kind": "Widget"}) is None


async def test_callers_who_read_nothing_else_get_protobuf() -> None:
    api = await Api.start()
    await api.must("POST", CONFIG_MAPS, config_map())
    gvk = GroupVersionKind("", "v1", "ConfigMap")

    answer = await api.send("GET", f"{CONFIG_MAPS}/a", accept=PROTOBUF)

    assert answer.content_type == PROTOBUF
    assert protobuf.decode(answer.body, gvk)["data"] == {"k": "v"}
    both = await api.send("GET", f"{CONFIG_MAPS}/a", accept=f"{PROTOBUF},application/json")
    assert both.content_type == "application/json"


async def test_refusals_come_as_protobuf_too() -> None:
    api = await Api.start()
    gvk = GroupVersionKind("", "v1", "Status")

    answer = await api.send("GET", f"{CONFIG_MAPS}/none", accept=PROTOBUF)

    assert (answer.status, answer.content_type) == (404, PROTOBUF)
    assert protobuf.decode(answer.body, gvk)["reason"] == "NotFound"


async def test_a_table_cannot_be_protobuf() -> None:
    api = await Api.start()
    accept = f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io"

    assert (await api.send("GET", CONFIG_MAPS, accept=accept)).status == 406


async def test_discovery_speaks_protobuf() -> None:
    api = await Api.start()

    answer = await api.send("GET", "/apis/apps/v1", accept=PROTOBUF)

    kind = GroupVersionKind("", "v1", "APIResourceList")
    assert answer.content_type == PROTOBUF
    assert protobuf.decode(answer.body, kind)["groupVersion"] == "apps/v1"
