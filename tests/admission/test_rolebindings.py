"""Conditions of bindings look at what their actions are about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.admission.objects import complaints

KINDS = ("AuthzRoleBinding", "ClusterAuthzRoleBinding")


def binding(actions: Any, expression: Any) -> dict[str, Any]:
    condition = {"actions": actions, "expression": expression}
    return {"roleMappings": [{"roleRef": {}}, {"conditions": [condition]}]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("actions", "attribute"),
    [
        (["releasebinding:create"], "environment"),
        (["releasebinding:*", "logs:view", "component:exec"], "environment"),
        (["resourcereleasebinding:view", "projectreleasebinding:delete"], "environment"),
        (["logs:*", "wirelogs:view", "metrics:view", "traces:view"], "environment"),
        (["component:create", "component:update"], "componentType"),
        (["resource:delete"], "resourceType"),
        (["workflowrun:create"], "workflow"),
    ],
)
def test_actions_have_an_attribute_in_common(kind: str, actions: list[str], attribute: str) -> None:
    expression = f"resource.{attribute} == 'a' || resource.{attribute}.startsWith('b')"
    assert complaints(kind, binding(actions, expression)) == []


@pytest.mark.parametrize(
    "actions",
    [
        ["*"],
        ["nope:x"],
        ["component"],
        ["component:view"],
        ["component:*"],
        ["project:*"],
        ["*:view"],
        ["releasebinding:create", "component:create"],
        ["releasebinding:create", "project:view"],
        [5],
    ],
)
def test_actions_without_one_take_no_conditions(actions: list[Any]) -> None:
    [(field, message)] = complaints(
        "AuthzRoleBinding", binding(actions, "resource.environment == 'a'")
    )
    assert field == "spec.roleMappings[1].conditions[0].actions"
    assert "conditions are not supported for the specified action set" in message


def test_actions_and_expression_are_needed() -> None:
    path = "spec.roleMappings[1].conditions[0]"
    assert complaints("AuthzRoleBinding", binding([], "")) == [
        (f"{path}.actions", "Required value: actions must be non-empty"),
        (f"{path}.expression", "Required value: expression must be non-empty"),
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("1 +", "CEL compile error: ERROR: <input>:1:4: Syntax error"),
        ("principal.x", "CEL compile error: ERROR: <input>:1:1: undeclared reference"),
        ("resource.environment", "expression must return bool, got dyn"),
        ("resource.environment.lowerAscii() == 'a'", "expression must return bool"),
        ("true", "expression must reference at least one allowed attribute; allowed attributes"),
        ("resource['environment'] == 'a'", "expression must reference at least one allowed"),
    ],
)
def test_expressions_are_conditions_on_the_attribute(expression: str, message: str) -> None:
    found = complaints("AuthzRoleBinding", binding(["logs:view"], expression))
    if "lowerAscii" in expression:
        message = "CEL compile error"
    assert [field for field, _ in found] == ["spec.roleMappings[1].conditions[0].expression"]
    assert message in found[0][1]


def test_each_other_attribute_is_refused() -> None:
    expression = "resource.environment == 'a' && has(resource.b) && resource.a == resource.b"
    found = complaints("AuthzRoleBinding", binding(["logs:view"], expression))
    assert [message.rsplit(": ", 2)[1:] for _, message in found] == [
        [f'attribute "resource.{name}" is not supported for actions [logs:view]; allowed', shown]
        for name, shown in (("b", "[resource.environment]"), ("a", "[resource.environment]"))
    ]
