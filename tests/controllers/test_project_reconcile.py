"""Project and ProjectReleaseBinding: what is frozen, pinned, built, and taken down in order."""

from __future__ import annotations

from typing import Any

from choreo_local.controllers.outcome import Outcome
from choreo_local.controllers.project import binding as bindings
from choreo_local.controllers.project import reconcile as projects
from choreo_local.rendering import release as releases
from tests import builders

PROJECT_FINALIZER = "openchoreo.dev/project-cleanup"
FINALIZER = "openchoreo.dev/projectreleasebinding-cleanup"
CELL = "dp-default-shop-development-276893d5"


def project_type(*kinds: str) -> dict[str, Any]:
    templates = [
        {
            "id": kind.lower(),
            "template": {
                "apiVersion": "v1",
                "kind": kind,
                "metadata": {"name": "${metadata.namespace}"},
            },
        }
        for kind in kinds or ("Namespace",)
    ]
    return builders.obj("ClusterProjectType", "default", {"resources": templates})


def release(*kinds: str) -> dict[str, Any]:
    found = releases.project_release(builders.project(), project_type(*kinds))
    return {**found.manifest, "metadata": {**found.manifest["metadata"], "uid": "uid-release"}}


def binding(pinned: str = "shop-1", **metadata: Any) -> dict[str, Any]:
    spec = {"owner": {"projectName": "shop"}, "environment": "development"}
    content = {**spec, "projectRelease": pinned} if pinned else spec
    return builders.obj("ProjectReleaseBinding", "shop-development", content, **metadata)


def observed(**changed: Any) -> bindings.Observed:
    defaults: dict[str, Any] = {
        "binding": binding(),
        "release": release(),
        "environment": builders.environment(),
        "data_plane": builders.data_plane(),
        "project": builders.project(),
        "rendered_release": None,
    }
    return bindings.Observed(**(defaults | changed))


def project(found: dict[str, Any] | None = None, **changed: Any) -> projects.Observed:
    defaults: dict[str, Any] = {
        "project": found or builders.project(),
        "project_type": project_type(),
        "bindings": [],
        "children": [],
        "releases": [],
    }
    return projects.Observed(**(defaults | changed))


def conditions(outcome: Outcome) -> dict[str, tuple[bool | None, str]]:
    return {found.type: (found.status, found.reason) for found in outcome.conditions}


def test_a_release_is_frozen_once_and_pinned_where_none_ever_was() -> None:
    first = projects.reconcile(project(bindings=[binding(pinned=""), binding(pinned="shop-0")]))
    latest = first.status["latestRelease"]
    known = {**builders.project(), "status": {"latestRelease": latest, "conditions": [{}]}}
    again = projects.reconcile(project(known))

    assert [manifest["kind"] for manifest in first.create] == ["ProjectRelease"]
    assert [manifest["spec"]["projectRelease"] for manifest in first.apply] == [latest["name"]]
    assert (again.create, again.apply, again.events) == ((), (), ())


def test_without_its_type_a_project_says_so() -> None:
    outcome = projects.reconcile(project(project_type=None))
    assert conditions(outcome)["Ready"] == (False, "ProjectTypeNotFound")
    assert outcome.conditions[1].message == 'ClusterProjectType "default" not found'


def test_a_project_goes_after_its_children_and_they_before_its_releases() -> None:
    going = builders.deleting(builders.project(), PROJECT_FINALIZER)
    first = projects.reconcile(project(going, children=[builders.component()]))
    going["status"] = {"conditions": [{"type": "Finalizing", "reason": "ProjectFinalizing"}]}
    children = projects.reconcile(
        project(going, children=[builders.component(), binding()], releases=[release()])
    )
    frozen = projects.reconcile(project(going, releases=[release()]))
    done = projects.reconcile(project(going))

    assert first.delete == ()
    assert [item.kind for item in children.delete] == ["Component", "ProjectReleaseBinding"]
    assert [item.kind for item in frozen.delete] == ["ProjectRelease"]
    assert done.remove_finalizer == PROJECT_FINALIZER


def test_a_cell_is_built_and_judged_by_its_namespace() -> None:
    first = bindings.reconcile(observed())
    (manifest,) = first.apply
    entry = {"id": "namespace", "kind": "Namespace", "name": CELL, "healthStatus": "Healthy"}
    metadata = {**manifest["metadata"], "uid": "uid-rendered", "generation": 1}
    rendered = {**manifest, "metadata": metadata, "status": {"resources": [entry]}}
    second = bindings.reconcile(observed(rendered_release=rendered))
    entry["healthStatus"] = "Degraded"
    degraded = bindings.reconcile(observed(rendered_release=rendered))

    assert manifest["spec"]["resources"][0]["object"]["metadata"]["name"] == CELL
    assert conditions(first)["NamespaceReady"] == (False, "NamespaceProgressing")
    assert second.apply == ()
    assert second.status["namespace"] == CELL
    assert conditions(second)["Ready"] == (True, "Ready")
    assert conditions(degraded)["Ready"] == (False, "NamespaceDegraded")


def test_a_type_that_builds_no_cell_is_refused() -> None:
    outcome = bindings.reconcile(observed(release=release("ConfigMap")))
    assert conditions(outcome) == {
        "Synced": (False, "NamespaceMissing"),
        "NamespaceReady": (None, "SyncedNotReady"),
        "ResourcesReady": (None, "SyncedNotReady"),
        "Ready": (False, "NamespaceMissing"),
    }


def test_the_first_missing_part_of_a_cell_is_the_reason() -> None:
    for changed, reason in (
        ({"binding": binding(pinned="")}, "ProjectReleaseNotSet"),
        ({"release": None}, "ProjectReleaseNotFound"),
        ({"environment": None}, "EnvironmentNotFound"),
        ({"data_plane": None}, "DataPlaneNotFound"),
        ({"project": None}, "ProjectNotFound"),
    ):
        assert conditions(bindings.reconcile(observed(**changed)))["Ready"] == (False, reason)


def test_a_cell_goes_before_its_binding() -> None:
    going = builders.deleting(binding(), FINALIZER)
    rendered = builders.obj("RenderedRelease", "p-shop-development")
    waiting = bindings.reconcile(observed(binding=going, rendered_release=rendered))
    done = bindings.reconcile(observed(binding=going))
    assert [item.kind for item in waiting.delete] == ["RenderedRelease"]
    assert waiting.remove_finalizer == ""
    assert done.remove_finalizer == FINALIZER
