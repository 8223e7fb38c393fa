"""What running the original showed, where one would expect something else."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import networkpolicy, patches, schema, values
from choreo_local.rendering.errors import ExpressionCompileError, ExpressionEvaluationError
from choreo_local.rendering.functions import Dialect
from choreo_local.rendering.template import Scope

PARAMETERS = {
    "replicas": 3,
    "big": 1_000_000,
    "list": ["a", "b", "c"],
    "none": None,
    "dashed-key": "dk",
}


def scope() -> Scope:
    return Scope(values.as_context({"parameters": PARAMETERS}), Dialect.COMPONENT)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${optional.of(1)}", 1),
        ("${optional.none()}", None),
        ("${{'a': optional.of(1)}}", {"a": 1}),
        ("${parameters.?none.orValue('d')}", 0),
        ("x${null}", "x0"),
        ("${{'m': oc_merge({'k': 1}, {'a': oc_omit()})}}", {"m": {"k": 1}}),
        ("x${oc_omit()}", "x{}"),
        ("${parameters.`dashed-key`}", "dk"),
        ("${parameters.list[1.0]}", "b"),
        ("${parameters.replicas in [3, 4]}", True),
        ("${parameters.replicas == 3}", True),
        ("n=${parameters.big}", "n=1e+06"),
        ("n=${int(parameters.big)}", "n=1000000"),
        ("${'%s'.format([parameters.big])}", "1000000"),
    ],
)
def test_templates_render_so(template: str, expected: Any) -> None:
    rendered = values.without_omitted(scope().render({"v": template}))["v"]

    assert values.as_manifest(rendered) == expected


@pytest.mark.parametrize(
    "expression",
    ["3 == 3.0", "5 in [5.0]", "true ? 1 : 'x'", "1 + 2.0", "[1, 2] == [1.0, 2.0]", "gateway.x"],
)
def test_literals_of_different_types_do_not_compile(expression: str) -> None:
    with pytest.raises(ExpressionCompileError):
        scope().evaluate(expression)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("parameters.replicas + 1", "no such overload"),
        ("parameters.none + 1", "no such overload: _+_"),
        ("has(parameters.missing.x)", "no such key: missing"),
        ("parameters.list['0']", "unsupported index type 'string' in list"),
    ],
)
def test_numbers_of_json_are_doubles_and_mix_with_no_others(expression: str, why: str) -> None:
    with pytest.raises(ExpressionEvaluationError) as failure:
        scope().evaluate(expression)

    assert failure.value.message.endswith(f"': {why}")


def test_an_omitted_patch_value_is_stored_as_an_empty_object() -> None:
    document: dict[str, Any] = {"spec": {}}

    patches.apply(document, [patches.Operation("add", "/spec/a", scope().render("${oc_omit()}"))])

    assert values.as_manifest(document) == {"spec": {"a": {}}}


def test_without_a_schema_the_values_pass_as_they_are() -> None:
    assert schema.defaulted(None, {"a": 1}) == {"a": 1}


def test_an_endpoint_that_is_internal_and_external_opens_its_port_twice() -> None:
    target = networkpolicy.Target(
        component="web",
        namespace="cell",
        control_plane_namespace="default",
        environment="dev",
        pod_selectors={"app": "web"},
    )
    endpoint = {"type": "HTTP", "port": 80, "visibility": ["internal", "external"]}

    policy = networkpolicy.build(target, {"http": endpoint}, provider="")

    assert policy["spec"]["ingress"][1]["ports"] == [{"protocol": "TCP", "port": 80}] * 2
