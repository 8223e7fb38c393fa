"""Workload descriptors become workloads."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.errors import UsageError
from choreo_local.gitops import descriptors


def spec(**descriptor: Any) -> dict[str, Any]:
    return descriptors.spec_of(descriptor, image="i:1", read=lambda path: f"content of {path}")


def test_an_image_alone_is_a_workload() -> None:
    found = descriptors.workload(
        namespace="n", project="p", component="c", spec=descriptors.plain_spec("i:1")
    )
    assert found["metadata"] == {"name": "c-workload", "namespace": "n"}
    assert found["spec"] == {
        "container": {"image": "i:1"},
        "owner": {"projectName": "p", "componentName": "c"},
    }


def test_endpoints_are_keyed_by_name_and_their_schema_is_inlined() -> None:
    endpoint = {
        "name": "api",
        "type": "HTTP",
        "port": 80,
        "visibility": ["external"],
        "schemaFile": "openapi.yaml",
        "context": "/old",
    }
    assert spec(endpoints=[endpoint])["endpoints"] == {
        "api": {
            "type": "HTTP",
            "port": 80,
            "visibility": ["external"],
            "schema": {"type": "openapi", "content": "content of openapi.yaml"},
        }
    }


def test_values_come_from_secrets_before_files_before_the_descriptor() -> None:
    secret = {"name": "s", "key": "k"}
    entries = [
        {"name": "A", "value": "v", "valueFrom": {"path": "p", "secretKeyRef": secret}},
        {"name": "B", "value": "v", "valueFrom": {"path": "p"}},
        {"name": "C", "value": 5},
    ]
    found = spec(
        configurations={"env": entries, "files": [{"name": "f", "mountPath": "/f", "value": "x"}]}
    )
    assert found["container"]["env"] == [
        {"key": "A", "valueFrom": {"secretKeyRef": secret}},
        {"key": "B", "value": "content of p"},
        {"key": "C", "value": "5"},
    ]
    assert found["container"]["files"] == [{"key": "f", "mountPath": "/f", "value": "x"}]


def test_an_existing_workload_keeps_what_the_image_does_not_say() -> None:
    current = {
        "metadata": {"name": "w", "namespace": "n", "labels": {"a": "b"}},
        "spec": {"owner": {}, "container": {"image": "i:1", "env": []}, "endpoints": {"e": {}}},
    }
    found = descriptors.with_image(current, "i:2")
    assert found["metadata"] == {"name": "w", "namespace": "n"}
    assert found["spec"]["container"] == {"image": "i:2", "env": []}
    assert found["spec"]["endpoints"] == {"e": {}}


@pytest.mark.parametrize(
    ("descriptor", "text"),
    [
        ({"endpoints": [{"type": "HTTP"}]}, "endpoints: name is required"),
        ({"endpoints": [{"name": "a"}]}, "endpoints: type is required"),
        ({"endpoints": ["a"]}, "endpoints must be a list of objects"),
        ({"endpoints": {"a": 1}}, "endpoints must be a list of objects"),
        (
            {"endpoints": [{"name": "a", "type": "HTTP", "visibility": ["public"]}]},
            'unknown visibility "public"',
        ),
        ({"configurations": []}, "configurations must be a mapping"),
        ({"configurations": {"env": [{}]}}, "configurations.env: name is required"),
        (
            {"dependencies": {"endpoints": [{"name": "a", "visibility": "external"}]}},
            "visibility must be project or namespace",
        ),
    ],
)
def test_what_is_wrong_in_a_descriptor_is_named(descriptor: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        spec(**descriptor)


def test_a_descriptor_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(UsageError, match="it is no mapping"):
        descriptors.spec_of([], image="i", read=str)
