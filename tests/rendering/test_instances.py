"""The trait instances of a component."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import instances
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.instances import TraitInstance
from choreo_local.rendering.template import Scope
from tests.rendering import objects

SCOPE = Scope({"parameters": {"size": 5.0}})
LOADED = [objects.trait("storage"), objects.trait("alert", "ClusterTrait")]


def found(embedded: Any = (), own: Any = (), configs: Any = None) -> list[TraitInstance]:
    given = objects.inputs(
        objects.component_type(traits=embedded),
        component={"spec": {"traits": own}},
        traits=LOADED,
        release_binding={"spec": {"traitEnvironmentConfigs": configs or {}}},
    )
    return list(instances.iter_instances(given, SCOPE))


def test_embedded_traits_come_first_and_read_the_components_parameters() -> None:
    embedded = {
        "name": "storage",
        "instanceName": "data",
        "parameters": {"s": "${parameters.size}"},
    }
    own = {"kind": "ClusterTrait", "name": "alert", "instanceName": "high", "parameters": {"n": 1}}

    first, second = found([embedded], [own], {"high": {"on": True}, "data": {"unread": True}})

    assert (first.label, first.parameters, first.environment_configs) == (
        "Trait storage/data",
        {"s": 5.0},
        None,
    )
    assert (second.label, second.parameters, second.environment_configs) == (
        "ClusterTrait alert/high",
        {"n": 1},
        {"on": True},
    )


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"name": "no", "instanceName": "i"}, "embedded trait Trait:no not found"),
        ({"name": "storage"}, "instance name of trait storage is empty"),
        (
            {"name": "storage", "instanceName": "i", "parameters": {"a": "${parameters.no}"}},
            "failed to resolve parameters of embedded trait storage/i: CEL evaluation error in "
            "expression 'parameters.no': no such key: no",
        ),
    ],
)
def test_instance_that_cannot_act_says_why(entry: dict[str, Any], text: str) -> None:
    with pytest.raises(RenderError) as failure:
        found([entry])

    assert failure.value.message == text
