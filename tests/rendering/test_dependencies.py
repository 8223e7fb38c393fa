"""What a component gets from others."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import dependencies, hashing
from choreo_local.rendering.dependencies import FileOutputError, PendingOutputError

OUTPUTS: list[dict[str, Any]] = [
    {"name": "host", "value": "10.0.0.5"},
    {"name": "empty", "value": ""},
    {"name": "password", "secretKeyRef": {"name": "creds", "key": "pw"}},
    {"name": "ca", "configMapKeyRef": {"name": "tls", "key": "ca.crt"}},
]


def test_unresolved_connection_is_an_item_without_variables() -> None:
    declared = [{"component": "api", "name": "http", "visibility": "project"}]

    found = dependencies.connection_items(declared, None, namespace="default", project="shop")

    assert found == [
        {
            "namespace": "default",
            "project": "shop",
            "component": "api",
            "endpoint": "http",
            "visibility": "project",
            "envVars": [],
        }
    ]


def test_resource_gives_variables_mounts_and_volumes() -> None:
    declared = {
        "ref": "db",
        "envBindings": {"password": "PW", "host": "HOST", "empty": "NONE"},
        "fileBindings": {"password": "/etc/pw", "ca": "/etc/ca"},
    }

    found = dependencies.resource_item(declared, OUTPUTS)

    config = f"r-{hashing.fnv_hex('db:configmap:tls')}"
    secret = f"r-{hashing.fnv_hex('db:secret:creds')}"
    assert found["envVars"] == [
        {"name": "NONE"},
        {"name": "HOST", "value": "10.0.0.5"},
        {"name": "PW", "valueFrom": {"secretKeyRef": {"name": "creds", "key": "pw"}}},
    ]
    assert found["volumeMounts"] == [
        {"name": config, "mountPath": "/etc/ca", "subPath": "ca.crt"},
        {"name": secret, "mountPath": "/etc/pw", "subPath": "pw"},
    ]
    assert found["volumes"] == [
        {"name": config, "configMap": {"name": "tls"}},
        {"name": secret, "secret": {"secretName": "creds"}},
    ]


def test_missing_output_is_pending_and_a_plain_one_is_no_file() -> None:
    with pytest.raises(PendingOutputError, match="not resolved on resource release binding: port"):
        dependencies.resource_item({"ref": "db", "envBindings": {"port": "P"}}, OUTPUTS)
    with pytest.raises(FileOutputError, match="cannot be mounted as file: host"):
        dependencies.resource_item({"ref": "db", "fileBindings": {"host": "/x"}}, OUTPUTS)
