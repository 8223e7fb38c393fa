"""RenderedRelease: what is applied, pruned, reported and cleaned up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from choreo_local.controllers import applied as remembered
from choreo_local.controllers import identity
from choreo_local.controllers.applied import Applied
from choreo_local.controllers.outcome import Outcome, PlaneReference
from choreo_local.controllers.renderedrelease.reconcile import Observed, desired, reconcile
from choreo_local.errors import NotFoundError
from tests import builders

PLANE = PlaneReference("ClusterDataPlane", "default")
FINALIZER = "openchoreo.dev/dataplane-cleanup"
LATER = "2026-01-01T00:00:05Z"


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "cell"},
        "data": data,
    }


def release(*manifests: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    resources = [{"id": manifest["metadata"]["name"], "object": manifest} for manifest in manifests]
    spec = {
        "owner": {"projectName": "shop", "componentName": "greeter"},
        "environmentName": "development",
        "targetPlane": "dataplane",
        "resources": resources,
    }
    return builders.obj("RenderedRelease", "greeter-development", spec, **metadata)


def live(manifest: dict[str, Any], **more: Any) -> dict[str, Any]:
    metadata = {**manifest["metadata"], "uid": f"uid-{manifest['metadata']['name']}"}
    return {**manifest, "metadata": metadata, **more}


def observed(found: dict[str, Any], objects: Sequence[Any] = (), **more: Any) -> Observed:
    defaults: dict[str, Any] = {"plane": PLANE, "missing": "", "applied": {}, "now": LATER}
    return Observed(release=found, live=objects, **(defaults | more))


def applied(manifests: Sequence[Any], **answers: Any) -> dict[identity.ObjectKey, Applied]:
    return {
        identity.key(manifest): remembered.of(manifest, {**manifest, **answers})
        for manifest in manifests
    }


def report(outcome: Outcome, *answers: dict[str, Any]) -> list[dict[str, Any]]:
    """What the status says of the objects once everything has been applied."""
    assert outcome.on_done is not None
    found: list[dict[str, Any]] = outcome.on_done(answers).status["resources"]
    return found


def test_new_manifests_are_applied_in_order_with_the_labels_that_find_them_again() -> None:
    outcome = reconcile(observed(release(config_map("a"), config_map("b"))))

    assert outcome.on_plane is not None
    assert [name for name, _ in outcome.on_plane.apply] == ["a", "b"]
    found = outcome.on_plane.apply[0][1]["metadata"]["labels"]
    assert found["openchoreo.dev/managed-by"] == "renderedrelease-controller"
    assert found["openchoreo.dev/rendered-release-uid"] == (
        "uid-RenderedRelease-greeter-development"
    )
    assert outcome.add_finalizer == FINALIZER
    entries = report(outcome, live(outcome.on_plane.apply[0][1]))  # type: ignore[arg-type]
    assert [entry["healthStatus"] for entry in entries] == ["Healthy", "Unknown"]


def test_what_is_applied_and_unchanged_is_not_applied_again() -> None:
    found = release(config_map("a", key="value"))
    wanted = desired(found)

    outcome = reconcile(
        observed(found, [live(wanted[0], immutable=False)], applied=applied(wanted))
    )

    assert outcome.on_plane is not None
    assert outcome.on_plane.apply == ()
    assert report(outcome)[0]["healthStatus"] == "Healthy"


def test_other_words_of_the_server_are_not_taken_for_a_change() -> None:
    found = release(config_map("a", cpu="1000m"))
    wanted = desired(found)
    worded = live({**wanted[0], "data": {"cpu": "1"}})
    known = applied(wanted, data={"cpu": "1"})

    outcome = reconcile(observed(found, [worded], applied=known))
    changed = reconcile(observed(found, [live({**wanted[0], "data": {"cpu": "2"}})], applied=known))

    assert outcome.on_plane is not None
    assert outcome.on_plane.apply == ()
    assert changed.on_plane is not None
    assert [name for name, _ in changed.on_plane.apply] == ["a"]


def test_what_somebody_else_changed_is_put_right() -> None:
    found = release(config_map("a", key="value"))
    wanted = desired(found)
    changed = live({**wanted[0], "data": {"key": "other"}})

    outcome = reconcile(observed(found, [changed], applied=applied(wanted)))

    assert outcome.on_plane is not None
    assert [name for name, _ in outcome.on_plane.apply] == ["a"]


def test_a_field_that_a_new_manifest_no_longer_names_is_taken_away() -> None:
    before = desired(release(config_map("a", key="value", more="x")))
    after = release(config_map("a", key="value"))

    outcome = reconcile(observed(after, [live(before[0])], applied=applied(before)))

    assert outcome.on_plane is not None
    assert [name for name, _ in outcome.on_plane.apply] == ["a"]


def test_objects_that_no_manifest_stands_for_are_deleted_renamed_ones_too() -> None:
    old = desired(release(config_map("old")))[0]
    outcome = reconcile(observed(release(config_map("new")), [live(old)]))
    assert outcome.on_plane is not None
    assert [(item.kind, item.name, item.uid) for item in outcome.on_plane.delete] == [
        ("ConfigMap", "old", "uid-old")
    ]


def test_what_an_object_of_ours_made_is_left_to_it() -> None:
    manifest = config_map("a")
    owner = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "a"}
    made = live(config_map("b"))
    made["metadata"]["ownerReferences"] = [{**owner, "uid": "u", "controller": True}]
    outcome = reconcile(observed(release(manifest), [live(manifest), made]))
    assert outcome.on_plane is None or outcome.on_plane.delete == ()


def test_a_restart_reaches_deployments_only() -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "cell"},
        "spec": {"replicas": 1},
    }
    found = release(deployment, config_map("a"), annotations={"openchoreo.dev/restartedAt": "now"})
    first, second = desired(found)
    assert first["spec"]["template"]["metadata"]["annotations"] == {
        "openchoreo.dev/restartedAt": "now"
    }
    assert second.get("spec") is None


def test_a_failed_apply_says_which_object_and_why() -> None:
    outcome = reconcile(observed(release(config_map("a"))))
    assert outcome.on_error is not None
    (condition,) = outcome.on_error(NotFoundError("failed to apply resource a: gone")).conditions
    assert condition.message == (
        "Failed to apply resources to target plane: failed to apply resource a: gone"
    )


def test_an_unchanged_status_keeps_its_time() -> None:
    found = release(config_map("a"))
    entry = {
        "id": "a",
        "version": "v1",
        "kind": "ConfigMap",
        "name": "a",
        "namespace": "cell",
        "healthStatus": "Healthy",
        "lastObservedTime": "2026-01-01T00:00:00Z",
    }
    found["status"] = {"resources": [entry]}
    outcome = reconcile(observed(found, [live(desired(found)[0])]))
    assert report(outcome) == [entry]


def test_without_its_plane_the_pass_fails_and_says_what_is_missing() -> None:
    outcome = reconcile(
        observed(release(config_map("a")), plane=None, missing='Environment "x" not found')
    )
    assert outcome.failed == 'Environment "x" not found'
    assert outcome.on_plane is None


def test_of_a_plane_that_cannot_be_asked_nothing_is_known() -> None:
    entry = {
        "id": "a",
        "version": "v1",
        "kind": "ConfigMap",
        "name": "a",
        "healthStatus": "Healthy",
        "lastObservedTime": "2026-01-01T00:00:00Z",
    }
    found = {**release(config_map("a")), "status": {"resources": [entry]}}
    missing = 'cannot reach DataPlane "prod": no agent of that plane is connected'
    outcome = reconcile(observed(found, plane=None, missing=missing, unreachable=True))

    assert outcome.failed == missing
    (condition,) = outcome.conditions
    assert (condition.type, condition.status, condition.reason, condition.message) == (
        "ResourcesApplied",
        None,
        "PlaneUnreachable",
        missing,
    )
    # When it was last seen stays.
    assert outcome.status["resources"] == [{**entry, "healthStatus": "Unknown"}]


def test_a_deletion_empties_the_plane_first() -> None:
    found = builders.deleting(release(config_map("a")), FINALIZER)
    object_a = live(desired(found)[0])

    first = reconcile(observed(found, [object_a]))
    assert [condition.reason for condition in first.conditions] == ["CleanupInProgress"]
    found["status"] = {"conditions": [{"type": "Finalizing", "reason": "CleanupInProgress"}]}
    waiting = reconcile(observed(found, [object_a]))
    done = reconcile(observed(found))

    assert waiting.on_plane is not None
    assert [item.name for item in waiting.on_plane.delete] == ["a"]
    assert waiting.remove_finalizer == ""
    assert done.remove_finalizer == FINALIZER


def test_a_deletion_without_its_plane_says_what_is_awaited_and_how_to_force_it() -> None:
    found = builders.deleting(release(config_map("a")), FINALIZER)
    outcome = reconcile(observed(found, plane=None, missing="no agent of that plane is connected"))
    (condition,) = outcome.conditions
    assert (condition.type, condition.reason) == ("Finalizing", "CleanupFailed")
    assert condition.message == (
        "Failed to clean up dataplane resources: no agent of that plane is connected; to leave "
        f"them behind, remove the finalizer {FINALIZER}"
    )
    assert outcome.failed
    assert outcome.remove_finalizer == ""


def test_an_observability_plane_gets_the_namespaces_that_rules_need() -> None:
    found = release(config_map("a"))
    on_data_plane = reconcile(observed(found))
    found["spec"]["targetPlane"] = "observabilityplane"
    elsewhere = reconcile(observed(found))
    again = reconcile(
        observed(found, [live(obj) for obj in desired(found)], applied=applied(desired(found)))
    )

    assert on_data_plane.on_plane is not None
    assert elsewhere.on_plane is not None
    assert again.on_plane is not None
    assert on_data_plane.on_plane.create == ()
    (namespace,) = elsewhere.on_plane.create
    assert namespace["metadata"]["name"] == "cell"
    assert namespace["metadata"]["labels"]["openchoreo.dev/created-by"] == (
        "renderedrelease-controller"
    )
    assert again.on_plane.is_empty
