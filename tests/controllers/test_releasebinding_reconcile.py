"""ReleaseBinding: what one pass decides, phase by phase."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.controllers.outcome import Condition, Outcome
from choreo_local.controllers.releasebinding.reconcile import Observed, reconcile
from choreo_local.errors import ServiceUnavailableError
from choreo_local.rendering import release as releases
from tests import builders

NOW = "2026-01-01T00:00:05Z"


def component_release(workload: dict[str, Any] | None = None) -> dict[str, Any]:
    release = releases.component_release(
        builders.component(),
        builders.component_type(),
        workload=workload or builders.workload(),
    )
    return release.manifest


def observed(**given: Any) -> Observed:
    release = given.pop("release", component_release())
    name = release["metadata"]["name"] if release else "greeter-1"
    defaults: dict[str, Any] = {
        "binding": builders.release_binding(name),
        "component": builders.component(),
        "project": builders.project(),
        "environment": builders.environment(),
        "data_plane": builders.data_plane(),
        "notification_channel": "",
        "secret_references": {},
        "providers": {},
        "resources": {},
        "rendered_release": None,
        "observability_release": None,
        "has_observability_plane": False,
        "releases": [],
        "now": NOW,
    }
    return Observed(release=release, **(defaults | given))


def condition(outcome: Outcome, kind: str) -> Condition:
    return next(found for found in outcome.conditions if found.type == kind)


def written(outcome: Outcome, *, health: str = "Healthy") -> dict[str, Any]:
    """The RenderedRelease that an outcome asks for, applied and observed."""
    manifest = dict(outcome.apply[0])
    manifest["metadata"] = {**manifest["metadata"], "uid": "rr", "generation": 1}
    entries = [
        {
            "id": item["id"],
            "group": item["object"]["apiVersion"].rpartition("/")[0],
            "version": item["object"]["apiVersion"].rpartition("/")[2],
            "kind": item["object"]["kind"],
            "name": item["object"]["metadata"]["name"],
            "healthStatus": health,
        }
        for item in manifest["spec"]["resources"]
    ]
    return {**manifest, "status": {"resources": entries}}


def test_a_first_pass_writes_the_rendered_release_and_waits_for_it() -> None:
    outcome = reconcile(observed())

    (release,) = outcome.apply
    assert release["metadata"]["name"] == "greeter-development"
    assert release["metadata"]["labels"]["openchoreo.dev/component"] == "greeter"
    assert release["metadata"]["ownerReferences"][0]["controller"] is True
    kinds = [item["object"]["kind"] for item in release["spec"]["resources"]]
    assert kinds == ["Deployment", "NetworkPolicy"]
    assert condition(outcome, "ReleaseSynced").message == (
        'Dataplane Release "greeter-development" created with 2 resources (observability release '
        "skipped: no observability resources to deploy)"
    )
    assert condition(outcome, "Ready").reason == "ResourcesProgressing"
    assert outcome.status["lastSpecUpdateTime"] == NOW


def test_a_second_pass_over_healthy_objects_is_ready_and_writes_nothing() -> None:
    first = reconcile(observed())

    second = reconcile(observed(rendered_release=written(first)))

    assert second.apply == ()
    assert condition(second, "ReleaseSynced").reason == "ReleaseSynced"
    assert condition(second, "ResourcesReady").status is True
    assert (condition(second, "Ready").status, condition(second, "Ready").reason) == (True, "Ready")


def test_a_degraded_workload_is_said_by_name() -> None:
    first = reconcile(observed())
    second = reconcile(observed(rendered_release=written(first, health="Degraded")))
    assert condition(second, "Ready").reason == "ResourcesDegraded"
    assert "Deployment/greeter-development-" in condition(second, "Ready").message


def test_a_failed_apply_on_the_plane_shows_in_ready() -> None:
    release = written(reconcile(observed()))
    failed = {
        "type": "ResourcesApplied",
        "status": "False",
        "reason": "ApplyFailed",
        "message": "Failed to apply resources to target plane: no",
        "observedGeneration": 1,
    }
    release["status"]["conditions"] = [failed]
    outcome = reconcile(observed(rendered_release=release))
    assert condition(outcome, "Ready").reason == "ResourceApplyFailed"
    assert condition(outcome, "Ready").message == failed["message"]


def test_what_lies_on_a_plane_that_cannot_be_asked_is_neither_ready_nor_not() -> None:
    release = {**written(reconcile(observed()))}
    missing = {
        "type": "ResourcesApplied",
        "status": "Unknown",
        "reason": "PlaneUnreachable",
        "message": "cannot reach the plane",
        "observedGeneration": release["metadata"].get("generation", 0),
    }
    release["status"] = {**(release.get("status") or {}), "conditions": [missing]}
    outcome = reconcile(observed(rendered_release=release))
    for found in (condition(outcome, "ResourcesReady"), condition(outcome, "Ready")):
        assert (found.status, found.reason) == (None, "ResourcesUnknown")
        assert found.message == "cannot reach the plane"


def test_a_release_of_somebody_else_is_not_touched() -> None:
    foreign = {**written(reconcile(observed()))}
    foreign["metadata"] = {**foreign["metadata"], "ownerReferences": []}
    outcome = reconcile(observed(rendered_release=foreign))
    assert outcome.apply == ()
    assert condition(outcome, "Ready").message == (
        'Release "greeter-development" exists but is owned by another resource'
    )


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("release", "ComponentReleaseNotFound"),
        ("environment", "EnvironmentNotFound"),
        ("data_plane", "DataPlaneNotFound"),
        ("component", "ComponentNotFound"),
        ("project", "ProjectNotFound"),
    ],
)
def test_what_is_missing_is_the_reason(missing: str, reason: str) -> None:
    outcome = reconcile(observed(**{missing: None}))
    assert condition(outcome, "ReleaseSynced").reason == reason
    assert condition(outcome, "Ready").reason == reason
    assert outcome.apply == ()


def test_a_release_of_another_component_is_refused() -> None:
    release = component_release()
    release["spec"]["owner"] = {"projectName": "shop", "componentName": "web"}
    outcome = reconcile(observed(release=release))
    assert condition(outcome, "Ready").message == (
        "Invalid ComponentRelease configuration: release binding owner (project: "
        '"shop", component: "greeter") does not match component release owner (project: "shop", '
        'component: "web")'
    )


def needs_back() -> dict[str, Any]:
    dependency = {
        "component": "back",
        "name": "http",
        "visibility": "project",
        "envBindings": {"address": "BACK_URL"},
    }
    return component_release(builders.workload(dependencies={"endpoints": [dependency]}))


def provider(*entries: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**builders.release_binding(**spec), "status": {"endpoints": list(entries)}}


URL = {"scheme": "http", "host": "back.cell.svc.cluster.local", "port": 9000, "path": ""}


@pytest.mark.parametrize(
    ("providers", "reason"),
    [
        ([], "ReleaseBinding not found for component shop/back"),
        ([provider()], 'endpoint "http" not yet resolved'),
        ([provider(state="Undeploy")], "component is undeployed"),
        ([provider(), provider()], "multiple ReleaseBindings found for component shop/back"),
    ],
)
def test_a_pending_connection_says_whom_it_waits_for(
    providers: list[dict[str, Any]], reason: str
) -> None:
    outcome = reconcile(observed(release=needs_back(), providers={("shop", "back"): providers}))
    assert outcome.status["pendingConnections"][0]["reason"] == reason
    pending = condition(outcome, "ConnectionsResolved")
    assert (pending.reason, pending.message) == (
        "ConnectionsPending",
        "1 connections pending, 0 resolved",
    )
    assert condition(outcome, "Ready").message == "Release is not synced"
    assert len(outcome.apply) == 1  # written with what is known, so that both sides converge


def test_a_resolved_connection_is_reported_with_its_url() -> None:
    found = provider({"name": "http", "type": "HTTP", "serviceURL": URL})
    outcome = reconcile(observed(release=needs_back(), providers={("shop", "back"): [found]}))
    assert outcome.status["resolvedConnections"][0]["url"]["port"] == 9000
    assert outcome.status["pendingConnections"] is None
    assert condition(outcome, "ConnectionsResolved").message == "All 1 connections resolved"


def test_a_missing_secret_reference_is_named_and_tried_again() -> None:
    secret = {"name": "db", "key": "password"}
    env = [{"key": "PASSWORD", "valueFrom": {"secretKeyRef": secret}}]
    release = component_release(builders.workload(container={"image": "x", "env": env}))
    outcome = reconcile(observed(release=release))
    assert condition(outcome, "Ready").message == (
        'Failed to collect SecretReferences: failed to get SecretReference "db": '
        'SecretReference.openchoreo.dev "db" not found'
    )
    assert outcome.failed


def test_a_template_that_cannot_be_rendered_is_the_message() -> None:
    template = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "${parameters.nope}"},
    }
    release = component_release()
    release["spec"]["componentType"]["spec"]["resources"][0]["template"] = template
    outcome = reconcile(observed(release=release))
    assert condition(outcome, "Ready").reason == "RenderingFailed"
    assert "no such key: nope" in condition(outcome, "Ready").message


def test_a_refused_write_is_reported_and_repeated() -> None:
    outcome = reconcile(observed())
    assert outcome.on_error is not None
    failed = outcome.on_error(ServiceUnavailableError("down"))
    assert condition(failed, "Ready").reason == "ReleaseUpdateFailed"


def test_undeploying_deletes_the_releases_and_forgets_the_urls() -> None:
    release = written(reconcile(observed()))
    binding = builders.release_binding(component_release()["metadata"]["name"], state="Undeploy")

    going = reconcile(observed(binding=binding, rendered_release=release))
    gone = reconcile(observed(binding=binding))

    assert [item.name for item in going.delete] == ["greeter-development"]
    assert condition(going, "Ready").message == "Resources being undeployed"
    assert going.status["endpoints"] is None
    assert condition(gone, "Ready").message == "Resources undeployed"


def test_a_deleted_binding_waits_for_its_releases() -> None:
    finalizer = "openchoreo.dev/releasebinding-cleanup"
    binding = builders.deleting(builders.release_binding(), finalizer)
    release = written(reconcile(observed()))

    waiting = reconcile(observed(binding=binding, releases=[release]))
    done = reconcile(observed(binding=binding))

    assert [item.kind for item in waiting.delete] == ["RenderedRelease"]
    assert done.remove_finalizer == finalizer


def saying(binding: dict[str, Any], *conditions: tuple[str, str, str]) -> dict[str, Any]:
    entries = [
        {"type": kind, "status": status, "reason": reason, "message": ""}
        for kind, status, reason in conditions
    ]
    return {**binding, "status": {"conditions": entries}}


def test_what_once_hindered_a_sync_is_not_said_while_a_connection_is_awaited() -> None:
    release = needs_back()
    binding = builders.release_binding(release["metadata"]["name"])
    hindered = saying(binding, ("ReleaseSynced", "False", "EnvironmentNotFound"))
    synced = saying(binding, ("ReleaseSynced", "True", "ReleaseSynced"))

    over = reconcile(observed(release=release, binding=hindered, providers={}))
    kept = reconcile(observed(release=release, binding=synced, providers={}))

    assert over.remove_conditions == ("ReleaseSynced",)
    assert condition(over, "Ready").message == "Release is not synced"
    assert kept.remove_conditions == ()
    assert condition(kept, "Ready").reason == "ConnectionsPending"


def test_a_ready_binding_stays_so_until_its_plane_speaks_of_the_new_release() -> None:
    ready = saying(
        builders.release_binding(),
        ("ReleaseSynced", "True", "ReleaseSynced"),
        ("ResourcesReady", "True", "Ready"),
        ("Ready", "True", "Ready"),
    )
    before = written(reconcile(observed()))
    changed = component_release(builders.workload(container={"image": "greeter:2"}))
    binding = {**ready, "spec": {**ready["spec"], "releaseName": changed["metadata"]["name"]}}
    given = {"binding": binding, "release": changed}

    writing = reconcile(observed(**given, rendered_release=before))
    release = written(writing, health="Progressing")
    rolling = reconcile(observed(**given, rendered_release=release))

    assert condition(writing, "ReleaseSynced").reason == "ReleaseCreated"
    assert condition(writing, "Ready").status is True
    assert condition(rolling, "Ready").reason == "ResourcesProgressing"
