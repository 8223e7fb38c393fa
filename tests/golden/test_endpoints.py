"""Endpoint URLs, addresses, connection variables and manifest ids equal the recorded ones."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import dependencies, endpoints, release
from tests.golden import typed


def _of(kind: str) -> list[Any]:
    return typed.cases("endpoints", lambda case: case["kind"] == kind)


@pytest.mark.parametrize("case", _of("resolve"))
def test_endpoints_and_ids_equal_the_recorded_ones(case: dict[str, Any]) -> None:
    found = endpoints.resolve(
        case["resources"],
        case["endpoints"],
        environment=case["environment"],
        data_plane=case["dataPlane"],
    )

    assert (found or []) == (case["result"] or [])
    assert release.resource_ids(case["resources"]) == case["manifestIDs"]


@pytest.mark.parametrize("case", _of("address"))
def test_address_equals_the_recorded_one(case: dict[str, Any]) -> None:
    assert endpoints.address(case["url"]) == case["result"]


@pytest.mark.parametrize("case", _of("connections"))
def test_connection_variables_equal_the_recorded_ones(case: dict[str, Any]) -> None:
    binding = case["releaseBinding"]
    items = dependencies.connection_items(
        case["dependencies"],
        binding["status"]["resolvedConnections"],
        namespace=binding["metadata"]["namespace"],
        project=binding["spec"]["owner"]["projectName"],
    )

    assert items == [item | {"envVars": item["envVars"] or []} for item in case["result"] or []]
