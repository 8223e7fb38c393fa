from __future__ import annotations

import pytest

from choreo_local.api import registry
from choreo_local.authz import actions
from choreo_local.authz.actions import Level


def test_there_are_as_many_actions_as_upstream_has() -> None:
    assert len(actions.ALL) == 159
    assert list(actions.ALL) == sorted(actions.ALL)


def test_every_attribute_is_described() -> None:
    used = {action.attribute for action in actions.ALL.values()} - {""}
    assert used == set(actions.ATTRIBUTES)


def test_creating_needs_the_level_above() -> None:
    assert actions.ALL["namespace:create"].lowest_scope is Level.CLUSTER
    assert actions.ALL["project:create"].lowest_scope is Level.NAMESPACE
    assert actions.ALL["component:create"].lowest_scope is Level.PROJECT
    assert actions.ALL["component:view"].lowest_scope is Level.COMPONENT


def test_actions_of_kinds_have_the_scope_of_the_kind() -> None:
    for entry in registry.KINDS.values():
        action = actions.ALL.get(f"{entry.resource.kind.lower()}:view")
        if action is not None:
            is_cluster = action.lowest_scope is Level.CLUSTER
            assert is_cluster is not entry.resource.namespaced, action.name


@pytest.mark.parametrize(
    ("pattern", "action"),
    [
        ("*", "component:view"),
        ("component:*", "component:view"),
        ("component:view", "component:view"),
        ("component:view", "component:*"),
        ("component:view", "*"),
    ],
)
def test_patterns_that_fit(pattern: str, action: str) -> None:
    assert actions.matches(pattern, action)


@pytest.mark.parametrize(
    ("pattern", "action"),
    [
        ("component:*", "componenttype:view"),
        ("component:*", "component:"),
        ("component:*", "component"),
        ("comp*", "component:view"),
        ("*:view", "component:view"),
        (":*", "component:view"),
        ("component", "component:view"),
        ("", "component:view"),
    ],
)
def test_patterns_that_do_not_fit(pattern: str, action: str) -> None:
    assert not actions.matches(pattern, action)


def test_patterns_are_spelled_out() -> None:
    assert actions.expanded("component:*") == [
        "component:create",
        "component:delete",
        "component:exec",
        "component:update",
        "component:view",
    ]
    assert len(actions.expanded("*")) == 159
    assert actions.expanded("portal-assistant:invoke") == ["portal-assistant:invoke"]
    assert actions.expanded("nothing:*") == []
