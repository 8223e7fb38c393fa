"""Names in types: required, unique, of the right kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from choreo_local.admission import references
from choreo_local.apimachinery.fielderrors import FieldError


def shown(found: Iterator[FieldError]) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in found]


def embedded(*traits: Any, cluster_wide: bool = False) -> list[tuple[str, str]]:
    return shown(
        references.embedded_traits({"traits": list(traits)}, "s", cluster_wide=cluster_wide)
    )


def test_embedded_traits_have_names_of_their_own() -> None:
    one = {"kind": "Trait", "name": "t", "instanceName": "a"}
    assert embedded(one, {**one, "instanceName": "b"}) == []
    assert embedded(one, one) == [
        (
            "s.traits[1].instanceName",
            r'Duplicate value: "instanceName \"a\" is already used by trait at index 0"',
        )
    ]
    assert embedded({}) == [
        ("s.traits[0].name", "Required value: trait name is required"),
        ("s.traits[0].instanceName", "Required value: trait instanceName is required"),
    ]


def test_cluster_wide_types_embed_cluster_wide_traits() -> None:
    trait = {"name": "t", "instanceName": "a"}
    assert embedded(trait, cluster_wide=True) == []
    [(field, message)] = embedded({**trait, "kind": "Trait"}, cluster_wide=True)
    assert field == "s.traits[0].kind"
    assert message.startswith('Invalid value: "Trait": ClusterComponentType can only reference')


@pytest.mark.parametrize(
    ("cluster_wide", "traits", "allowed", "found"),
    [
        (False, [], [{"name": "a"}, {"kind": "ClusterTrait", "name": "a"}], []),
        (
            False,
            [],
            [{"name": "a"}, {"kind": "Trait", "name": "a"}],
            [("s.allowedTraits[1]", 'Duplicate value: "Trait:a"')],
        ),
        (
            True,
            [],
            [{"name": "a"}, {"kind": "ClusterTrait", "name": "a"}],
            [("s.allowedTraits[1]", 'Duplicate value: "a"')],
        ),
        (
            False,
            [],
            [{}],
            [("s.allowedTraits[0].name", "Required value: allowed trait name must not be empty")],
        ),
        (
            False,
            [{"name": "a", "instanceName": "i"}],
            [{"kind": "Trait", "name": "a"}],
            [
                (
                    "s.allowedTraits[0]",
                    'Invalid value: "Trait:a": trait is already embedded in spec.traits and cannot'
                    " also be in allowedTraits",
                )
            ],
        ),
        (
            False,
            [{"kind": "ClusterTrait", "name": "a", "instanceName": "i"}],
            [{"kind": "Trait", "name": "a"}],
            [],
        ),
    ],
)
def test_allowed_traits_are_named_once_and_not_embedded(
    cluster_wide: bool, traits: list[Any], allowed: list[Any], found: list[tuple[str, str]]
) -> None:
    spec = {"traits": traits, "allowedTraits": allowed}
    assert shown(references.allowed_traits(spec, "s", cluster_wide=cluster_wide)) == found


@pytest.mark.parametrize(
    ("cluster_wide", "key"), [(False, "Workflow:w"), (True, "w")], ids=["namespaced", "cluster"]
)
def test_allowed_workflows_are_named_once(cluster_wide: bool, key: str) -> None:
    spec = {"allowedWorkflows": [{"name": "w"}, {"kind": "Workflow", "name": "w"}, {}]}
    assert shown(references.allowed_workflows(spec, "s", cluster_wide=cluster_wide)) == [
        ("s.allowedWorkflows[1]", f'Duplicate value: "{key}"'),
        ("s.allowedWorkflows[2].name", "Required value: allowed workflow name must not be empty"),
    ]


def test_a_cluster_wide_workflow_runs_on_a_cluster_wide_plane() -> None:
    assert shown(references.workflow_plane({}, "s")) == []
    right = {"workflowPlaneRef": {"kind": "ClusterWorkflowPlane", "name": "default"}}
    assert shown(references.workflow_plane(right, "s")) == []
    wrong = {"workflowPlaneRef": {"kind": "WorkflowPlane", "name": "default"}}
    [(field, message)] = shown(references.workflow_plane(wrong, "s"))
    assert field == "s.workflowPlaneRef.kind"
    assert "not namespace-scoped WorkflowPlane" in message


def test_traits_of_a_component_have_names_of_their_own() -> None:
    traits = [{"instanceName": "a"}, {"instanceName": "b"}, {"instanceName": "a"}]
    assert shown(references.unique_instances(traits, "s.traits")) == [
        ("s.traits[2].instanceName", 'Duplicate value: "a"')
    ]
