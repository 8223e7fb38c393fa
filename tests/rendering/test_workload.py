"""The workload as templates see it."""

from __future__ import annotations

from typing import Any

from choreo_local.rendering import workload


def secret(name: str, key: str) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def test_override_replaces_in_place_and_adds_at_the_end() -> None:
    base = {"container": {"image": "i", "env": [{"key": "A", "value": "1"}, {"key": "B"}]}}
    overrides = {
        "container": {
            "env": [
                {"key": "B", "value": "first"},
                {"key": "C", "value": "1"},
                {"key": "B", "value": "last"},
                {"key": "C", "value": "2"},
            ]
        }
    }

    found = workload.merged(base, overrides)["container"]

    assert found["image"] == "i"
    assert [(entry["key"], entry.get("value")) for entry in found["env"]] == [
        ("A", "1"),
        ("B", "last"),
        ("C", "1"),
        ("C", "2"),
    ]


def test_workload_without_overrides_stays() -> None:
    assert workload.merged({"container": {"image": "i"}}, None) == {"container": {"image": "i"}}


def test_empty_fields_of_the_container_are_absent() -> None:
    spec = {"container": {"image": "i", "command": [], "args": ["-v"], "env": [{"key": "A"}]}}

    assert workload.data(spec) == {"container": {"image": "i", "args": ["-v"]}, "endpoints": {}}


def test_endpoint_is_always_visible_to_its_project() -> None:
    endpoint = {"type": "HTTP", "port": 80, "visibility": ["external", "project", "external"]}

    assert workload.data({"endpoints": {"web": endpoint}})["endpoints"]["web"] == {
        "type": "HTTP",
        "port": 80,
        "targetPort": 80,
        "visibility": ["project", "external"],
    }


def test_secrets_are_resolved_and_kept_apart() -> None:
    references = {
        "db": {"spec": {"data": [{"secretKey": "pw", "remoteRef": {"key": "k", "version": "2"}}]}}
    }
    spec = {
        "container": {
            "env": [{"key": "A", "value": "1"}, {"key": "B"}, {"key": "P", **secret("db", "pw")}],
            "files": [{"key": "f", "mountPath": "/etc", **secret("db", "pw")}],
        }
    }
    remote = {"key": "k", "version": "2"}

    assert workload.configurations(spec, references) == {
        "configs": {
            "envs": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
            "files": [],
        },
        "secrets": {
            "envs": [{"name": "P", "value": "", "remoteRef": remote}],
            "files": [{"name": "f", "mountPath": "/etc", "value": "", "remoteRef": remote}],
        },
    }


def test_secret_that_cannot_be_found_is_left_out() -> None:
    spec = {"container": {"env": [{"key": "P", **secret("db", "nope")}]}}

    found = workload.configurations(spec, {"db": {"spec": {"data": []}}})

    assert found["secrets"]["envs"] == []
