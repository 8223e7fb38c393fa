"""Which action, place and attributes an operation has."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.authz import actions
from choreo_local.authz.types import Hierarchy
from choreo_local.services import guards, kinds

_OWNER = {"projectName": "p", "componentName": "c", "resourceName": "r"}


def _object(labels: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", "namespace": "n", "labels": labels or {}}, "spec": spec}


@pytest.mark.parametrize("kind", kinds.BY_KIND.values(), ids=lambda kind: kind.kind)
def test_every_verb_of_every_kind_is_in_the_catalogue(kind: kinds.ServedKind) -> None:
    verbs = {"view", "create", "delete"}
    verbs |= set() if kinds.Rule.IMMUTABLE in kind.rules else {"update"}
    assert {guards.action(kind, verb) for verb in verbs} <= set(actions.ALL)


@pytest.mark.parametrize(
    ("kind", "owner", "path"),
    [
        ("Namespace", {}, "ns/x"),
        ("Project", {}, "ns/n/project/x"),
        ("Component", {"projectName": "p"}, "ns/n/project/p/component/x"),
        ("Workload", _OWNER, "ns/n/project/p/component/c"),
        ("ReleaseBinding", _OWNER, "ns/n/project/p/component/c"),
        ("ProjectRelease", {"projectName": "p"}, "ns/n/project/p"),
        ("Resource", {"projectName": "p"}, "ns/n/project/p/resource/x"),
        (
            "ResourceReleaseBinding",
            {"projectName": "p", "resourceName": "r"},
            "ns/n/project/p/resource/r",
        ),
        ("Environment", {}, "ns/n"),
        ("ClusterTrait", {}, "*"),
        ("ClusterAuthzRole", {}, "*"),
        ("AuthzRole", {}, "ns/n"),
    ],
)
def test_where_an_object_is(kind: str, owner: dict[str, str], path: str) -> None:
    served = kinds.BY_KIND[kind]
    namespace = "n" if served.resource.namespaced else None
    assert guards.by_object(served, _object(owner=owner), namespace=namespace).path == path


@pytest.mark.parametrize("spec", [{}, {"owner": None}, {"owner": 5}, {"owner": {"projectName": 5}}])
def test_an_object_that_does_not_say_whose_it_is_belongs_to_the_namespace(
    spec: dict[str, Any],
) -> None:
    where = guards.by_object(kinds.BY_KIND["Workload"], _object(**spec), namespace="n")
    assert where == Hierarchy("n")


def test_a_run_belongs_to_the_component_that_both_labels_name() -> None:
    run = kinds.BY_KIND["WorkflowRun"]
    marks = {"openchoreo.dev/project": "p", "openchoreo.dev/component": "c"}
    assert guards.by_object(run, _object(marks), namespace="n") == Hierarchy("n", "p", "c")
    del marks["openchoreo.dev/component"]
    assert guards.by_object(run, _object(marks), namespace="n") == Hierarchy("n")


@pytest.mark.parametrize(
    ("action", "kind", "spec", "seen"),
    [
        (
            "component:create",
            "Component",
            {"componentType": {"kind": "ComponentType", "name": "deployment/service"}},
            {"componentType": "n/service"},
        ),
        (
            "component:create",
            "Component",
            {"componentType": {"kind": "ClusterComponentType", "name": "deployment/service"}},
            {"componentType": "service"},
        ),
        (
            "resource:update",
            "Resource",
            {"type": {"kind": "ResourceType", "name": "db"}},
            {"resourceType": "n/db"},
        ),
        (
            "resource:update",
            "Resource",
            {"type": {"kind": "ClusterResourceType", "name": "db"}},
            {"resourceType": "db"},
        ),
        ("workflowrun:create", "WorkflowRun", {"workflow": {"name": "w"}}, {"workflow": "w"}),
        (
            "workflowrun:create",
            "WorkflowRun",
            {"workflow": {"kind": "Workflow", "name": "w"}},
            {"workflow": "n/w"},
        ),
        (
            "releasebinding:view",
            "ReleaseBinding",
            {"environment": "dev"},
            {"environment": "n/dev"},
        ),
        ("releasebinding:view", "ReleaseBinding", {}, {"environment": ""}),
        ("component:view", "Component", {}, {}),
        ("componentrelease:create", "Component", {}, {}),
        ("portal-assistant:invoke", "Component", {}, {}),
    ],
)
def test_what_conditions_see(
    action: str, kind: str, spec: dict[str, Any], seen: dict[str, str]
) -> None:
    found = guards.attributes(action, kinds.BY_KIND[kind], _object(**spec), namespace="n")
    assert found == seen
