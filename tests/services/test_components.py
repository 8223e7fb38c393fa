"""Schemas and traits of components."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.services import components
from tests.builders import component, component_type


def _trait(name: str, instance: str, kind: str = "Trait") -> dict[str, Any]:
    return {"kind": kind, "name": name, "instanceName": instance}


@pytest.mark.parametrize(
    ("own", "embedded", "allowed", "problem"),
    [
        ([], [], [], ""),
        ([_trait("t", "a")], [], [{"kind": "Trait", "name": "t"}], ""),
        ([_trait("t", "a")], [], [], 'Trait "t" is not among the allowed traits'),
        (
            [_trait("t", "a")],
            [],
            [{"kind": "ClusterTrait", "name": "t"}],
            'Trait "t" is not among the allowed traits',
        ),
        (
            [_trait("t", "a")],
            [_trait("u", "a")],
            [{"kind": "Trait", "name": "t"}],
            'trait instance name "a" is used more than once',
        ),
    ],
)
def test_traits_must_be_allowed_and_told_apart(
    own: list[Any], embedded: list[Any], allowed: list[Any], problem: str
) -> None:
    found = components.trait_problem(
        component(traits=own), component_type(traits=embedded, allowedTraits=allowed)
    )
    assert found.startswith(problem)
    assert bool(found) is bool(problem)


def test_releases_of_a_day_are_numbered() -> None:
    existing = ["c-20260101-1", "c-20260101-2", "c-20251231-9", "cc-20260101-1"]
    assert components.next_name("c", existing, "20260101") == "c-20260101-3"


def test_the_schema_of_a_component_has_a_part_for_each_trait() -> None:
    section = {"openAPIV3Schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    trait = {"spec": {"environmentConfigs": section}}
    silent: dict[str, Any] = {"spec": {}}
    found = components.environment_schema(
        component_type(environmentConfigs=section),
        [(_trait("t", "a"), trait), (_trait("u", "b"), silent)],
    )
    assert list(found["properties"]) == [
        "componentTypeEnvironmentConfigs",
        "traitEnvironmentConfigs",
    ]
    assert list(found["properties"]["traitEnvironmentConfigs"]["properties"]) == ["a"]
    assert components.environment_schema(None, []) == {"type": "object"}
