"""Conditions and loops of templates."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import controlflow, values
from choreo_local.rendering.controlflow import NotBooleanError, NotListError
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.template import Scope


def scope(**parameters: Any) -> Scope:
    return Scope(values.as_context({"parameters": parameters}))


def test_template_without_a_condition_is_included() -> None:
    assert controlflow.included(scope(), None)
    assert controlflow.included(scope(), "")


def test_condition_decides_and_must_be_a_boolean() -> None:
    assert not controlflow.included(scope(on=False), "${parameters.on}")
    with pytest.raises(NotBooleanError) as failure:
        controlflow.included(scope(), "true")
    assert failure.value.message == "includeWhen must evaluate to boolean, got string"


def test_map_is_looped_over_by_key() -> None:
    found = controlflow.items(scope(map={"b": 1, "a": 2}), "${parameters.map}")

    assert found == [{"key": "a", "value": 2.0}, {"key": "b", "value": 1.0}]


def test_loop_binds_its_variable_and_hides_another_of_that_name() -> None:
    entry = {"forEach": "${['x', 'y']}", "var": "parameters"}

    bound = [each.render("${parameters}") for each in controlflow.iterations(scope(), entry)]

    assert bound == ["x", "y"]


def test_loop_variable_is_called_item_by_default() -> None:
    passes = controlflow.iterations(scope(), {"forEach": "${['x']}"})

    assert [each.render("${item}") for each in passes] == ["x"]


def test_scalar_is_not_looped_over() -> None:
    with pytest.raises(NotListError, match="must evaluate to array or map, got float64"):
        controlflow.items(scope(port=1), "${parameters.port}")


def test_endless_loop_is_refused() -> None:
    with pytest.raises(RenderError, match="at most 10000"):
        controlflow.items(scope(), "${lists.range(10001)}")
