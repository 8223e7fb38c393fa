"""OpenChoreo's additions to CEL."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import values
from choreo_local.rendering.errors import ExpressionCompileError, ExpressionEvaluationError
from choreo_local.rendering.functions import Dialect
from choreo_local.rendering.template import Scope


def evaluated(expression: str, **variables: Any) -> Any:
    return Scope(values.as_context(variables), Dialect.COMPONENT).evaluate(expression)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("oc_hash('hello world')", "d58b3fa7"),
        ("oc_generate_name('a', 'b')", "a-b-d44362d6"),
        ("oc_generate_name(['a', 'b'])", "a-b-d44362d6"),
        ("oc_generate_name('a')", "a-ca978112"),
        ("oc_dns_label('a', 'b', 'c')", "a-b-c-cbd2be7b"),
        ("oc_merge({'a': 1, 'b': 1}, {'b': 2}, {'c': 3})", {"a": 1, "b": 2, "c": 3}),
        ("{'a': oc_omit(), 'b': [oc_omit(), 1]}", {"b": [1]}),
        ("oc_omit() == oc_omit()", True),
    ],
)
def test_functions_compute_what_they_promise(expression: str, expected: Any) -> None:
    assert evaluated(expression) == expected


def test_merge_is_shallow() -> None:
    assert evaluated("oc_merge({'a': {'x': 1}}, {'a': {'y': 2}})") == {"a": {"y": 2}}


def test_merge_of_one_map_does_not_compile() -> None:
    with pytest.raises(ExpressionCompileError, match="requires at least 2 arguments"):
        evaluated("oc_merge({'a': 1})")


@pytest.mark.parametrize("expression", ["oc_dns_label()", "oc_generate_name([])"])
def test_name_of_nothing_fails_at_evaluation(expression: str) -> None:
    with pytest.raises(ExpressionEvaluationError, match="integer divide by zero"):
        evaluated(expression)


def test_endpoint_resources_are_optional() -> None:
    derived = {"endpointResources": {"http": [{"path": "/a"}]}}
    found = evaluated("workload.toEndpointResources('http')", workload={}, derived=derived)
    missing = evaluated(
        "workload.toEndpointResources('no').orValue([])", workload={}, derived=derived
    )

    assert (found, missing) == ([{"path": "/a"}], [])


def test_receiver_is_recognised_by_its_name_alone() -> None:
    with pytest.raises(ExpressionCompileError, match="toVolumes"):
        evaluated("other.toVolumes()", other={}, derived={})
