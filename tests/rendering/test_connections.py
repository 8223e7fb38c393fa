"""Which endpoints and outputs declared dependencies mean."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import connections, secretuse
from choreo_local.rendering.connections import Cell

_CELL = Cell("default", "shop", "development")
_URL = {"scheme": "http", "host": "api.svc", "port": 80}
_DECLARED = {"component": "api", "name": "http", "visibility": "project"}


def _provider(**more: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "api-development", "generation": 1},
        "spec": {"state": "Active", **more},
        "status": {"endpoints": [{"name": "http", "serviceURL": _URL}]},
    }


def test_an_endpoint_of_the_same_project_is_found() -> None:
    found = connections.resolve_connections([_DECLARED], {("shop", "api"): [_provider()]}, _CELL)
    assert found.pending == []
    assert found.resolved[0]["url"] == _URL
    assert found.targets[0]["environment"] == "development"


@pytest.mark.parametrize(
    ("declared", "providers", "reason"),
    [
        (_DECLARED, [], "ReleaseBinding not found for component shop/api"),
        (
            _DECLARED,
            [_provider(), _provider()],
            "multiple ReleaseBindings found for component shop/api",
        ),
        (_DECLARED, [_provider(state="Undeploy")], "component is undeployed"),
        ({**_DECLARED, "name": "grpc"}, [_provider()], 'endpoint "grpc" not yet resolved'),
        (
            {**_DECLARED, "visibility": "external"},
            [_provider()],
            'endpoint "http" has no URL for visibility "external"',
        ),
    ],
)
def test_what_is_not_there_is_awaited_with_its_reason(
    declared: dict[str, Any], providers: list[dict[str, Any]], reason: str
) -> None:
    found = connections.resolve_connections([declared], {("shop", "api"): providers}, _CELL)
    assert found.resolved == []
    assert found.pending == [
        {
            "namespace": "default",
            "project": "shop",
            "component": "api",
            "endpoint": declared["name"],
            "reason": reason,
        }
    ]


def _resource(*, ready: bool = True, **output: Any) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "observedGeneration": 1,
    }
    return {
        "metadata": {"name": "db-development", "generation": 1},
        "spec": {},
        "status": {"conditions": [condition], "outputs": [{"name": "host", **output}]},
    }


@pytest.mark.parametrize(
    ("providers", "reason"),
    [
        ([], 'ResourceReleaseBinding not found for resource "db"'),
        ([_resource(), _resource()], 'multiple ResourceReleaseBindings found for resource "db"'),
        ([_resource(ready=False)], 'ResourceReleaseBinding "db-development" not ready'),
    ],
)
def test_a_resource_that_is_not_ready_is_awaited(
    providers: list[dict[str, Any]], reason: str
) -> None:
    declared = {"ref": "db", "envBindings": {"host": "DB_HOST"}}
    found = connections.resolve_resources([declared], {"db": providers}, _CELL)
    assert [entry["reason"] for entry in found.pending] == [reason]


def test_the_outputs_of_a_ready_resource_become_variables() -> None:
    declared = {"ref": "db", "envBindings": {"host": "DB_HOST"}}
    found = connections.resolve_resources([declared], {"db": [_resource(value="h")]}, _CELL)
    assert found.items[0]["envVars"] == [{"name": "DB_HOST", "value": "h"}]


def _uses(name: str, key: str) -> dict[str, Any]:
    return {"key": "A", "valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def test_secrets_are_checked_with_their_keys() -> None:
    workload = {"container": {"env": [_uses("s", "k"), _uses("s", "k")]}}
    reference = {"spec": {"data": [{"secretKey": "k"}]}}
    assert secretuse.collect(workload, {}, {"s": reference}) == secretuse.SecretUse(["s"], "")
    missing = secretuse.collect(workload, {}, {})
    assert 'SecretReference.openchoreo.dev "s" not found' in missing.problem
    wrong = secretuse.collect({"container": {"env": [_uses("s", "x")]}}, {}, {"s": reference})
    assert wrong.problem.endswith('key "x" not found in SecretReference "s"; available keys: [k]')


def test_an_override_replaces_the_secret_of_the_workload() -> None:
    workload = {"container": {"env": [_uses("old", "k")]}}
    overrides = {"container": {"env": [_uses("new", "k")]}}
    reference = {"spec": {"data": [{"secretKey": "k"}]}}
    found = secretuse.collect(workload, overrides, {"new": reference})
    assert found == secretuse.SecretUse(["new"], "")
