"""Resource and ResourceReleaseBinding: what is released, deployed, offered and retained."""

from __future__ import annotations

from typing import Any

from choreo_local.controllers.outcome import Outcome
from choreo_local.controllers.resource import binding as bindings
from choreo_local.controllers.resource import reconcile as resources
from choreo_local.rendering import names
from choreo_local.rendering import release as releases
from tests import builders

RESOURCE_FINALIZER = "openchoreo.dev/resource-cleanup"
FINALIZER = "openchoreo.dev/resourcereleasebinding-cleanup"
OWNER = {"projectName": "shop", "resourceName": "db"}


def resource_type(**spec: Any) -> dict[str, Any]:
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "${metadata.name}", "namespace": "${metadata.namespace}"},
    }
    outputs = [
        {"name": "host", "value": "${metadata.name}"},
        {"name": "phase", "value": "${applied.config.status.phase}"},
    ]
    content = {"resources": [{"id": "config", "template": config}], "outputs": outputs}
    return builders.obj("ClusterResourceType", "database", {**content, **spec})


def resource(**metadata: Any) -> dict[str, Any]:
    reference = {"kind": "ClusterResourceType", "name": "database"}
    spec = {"owner": {"projectName": "shop"}, "type": reference}
    return builders.obj("Resource", "db", spec, **metadata)


def release(**spec: Any) -> dict[str, Any]:
    found = releases.resource_release(resource(), resource_type(**spec))
    return {**found.manifest, "metadata": {**found.manifest["metadata"], "uid": "uid-release"}}


def binding(pinned: str = "db-1", **spec: Any) -> dict[str, Any]:
    content = {"owner": OWNER, "environment": "development", "resourceRelease": pinned, **spec}
    return builders.obj("ResourceReleaseBinding", "db-development", content)


def observed(**changed: Any) -> bindings.Observed:
    defaults: dict[str, Any] = {
        "binding": binding(),
        "release": release(),
        "environment": builders.environment(),
        "data_plane": builders.data_plane(),
        "resource": resource(),
        "project": builders.project(),
        "rendered_release": None,
    }
    return bindings.Observed(**(defaults | changed))


def conditions(outcome: Outcome) -> dict[str, tuple[bool | None, str]]:
    return {found.type: (found.status, found.reason) for found in outcome.conditions}


def rendered(outcome: Outcome, **status: Any) -> dict[str, Any]:
    """The RenderedRelease that a pass asked for, as it is afterwards."""
    (manifest,) = outcome.apply
    metadata = {**manifest["metadata"], "uid": "uid-rendered", "generation": 1}
    return {**manifest, "metadata": metadata, "status": status}


def live(health: str = "Healthy", **status: Any) -> dict[str, Any]:
    entry = {"id": "config", "version": "v1", "kind": "ConfigMap", "healthStatus": health}
    return {"resources": [{**entry, **({"status": status} if status else {})}]}


def test_a_new_resource_is_released_but_never_pinned() -> None:
    found = resources.Observed(resource(), resource_type(), [binding(pinned="")], {})
    outcome = resources.reconcile(found)
    assert [manifest["kind"] for manifest in outcome.create] == ["ResourceRelease"]
    assert outcome.apply == ()
    assert outcome.add_finalizer == RESOURCE_FINALIZER
    assert outcome.status["latestRelease"]["name"] == outcome.create[0]["metadata"]["name"]


def test_without_its_type_a_resource_says_so() -> None:
    outcome = resources.reconcile(resources.Observed(resource(), None, [], {}))
    (condition,) = outcome.conditions
    assert (condition.reason, condition.message) == (
        "ResourceTypeNotFound",
        'ClusterResourceType "database" not found',
    )


def test_a_deletion_waits_for_bindings_and_leaves_retained_ones_to_a_person() -> None:
    deleting = builders.deleting(resource(), RESOURCE_FINALIZER)
    kept = binding(retainPolicy="Retain")
    going = {**binding(), "metadata": {**binding()["metadata"], "name": "db-staging"}}

    waiting = resources.reconcile(resources.Observed(deleting, None, [kept, going], {}))
    emptied = resources.reconcile(resources.Observed(deleting, None, [], {"db-1": release()}))
    done = resources.reconcile(resources.Observed(deleting, None, [], {}))

    assert [item.name for item in waiting.delete] == ["db-staging"]
    assert [item.kind for item in emptied.delete] == ["ResourceRelease"]
    assert done.remove_finalizer == RESOURCE_FINALIZER


def test_the_first_missing_part_is_named_and_nothing_else_is_judged() -> None:
    outcome = bindings.reconcile(observed(environment=None))
    assert conditions(outcome) == {
        "Synced": (False, "EnvironmentNotFound"),
        "ResourcesReady": (None, "SyncedNotReady"),
        "OutputsResolved": (None, "SyncedNotReady"),
        "Ready": (False, "EnvironmentNotFound"),
    }
    unpinned = bindings.reconcile(observed(binding=binding(pinned="")))
    assert conditions(unpinned)["Ready"] == (False, "ResourceReleaseNotSet")


def test_a_release_of_another_resource_is_refused() -> None:
    other = release()
    other["spec"]["owner"] = {**OWNER, "resourceName": "cache"}
    outcome = bindings.reconcile(observed(release=other))
    assert conditions(outcome)["Synced"] == (False, "InvalidReleaseConfiguration")
    assert outcome.conditions[0].message == (
        'ResourceRelease "db-1" belongs to resource "cache", not to "db"'
    )


def test_the_first_pass_writes_the_release_and_resolves_what_it_can() -> None:
    outcome = bindings.reconcile(observed())
    assert conditions(outcome) == {
        "Synced": (True, "ReleaseCreated"),
        "ResourcesReady": (False, "ResourcesProgressing"),
        "OutputsResolved": (False, "OutputResolutionFailed"),
        "Ready": (False, "ResourcesProgressing"),
    }
    assert [entry["name"] for entry in outcome.status["outputs"]] == ["host"]


def test_it_is_ready_when_its_objects_are_and_every_output_is_known() -> None:
    first = bindings.reconcile(observed())
    outcome = bindings.reconcile(observed(rendered_release=rendered(first, **live(phase="up"))))
    assert outcome.apply == ()
    assert conditions(outcome)["Ready"] == (True, "Ready")
    assert outcome.status["outputs"] == [
        {"name": "host", "value": names.resource_base("db", "development")},
        {"name": "phase", "value": "up"},
    ]


def test_the_rule_of_a_type_decides_over_health() -> None:
    config = resource_type()["spec"]["resources"][0]
    rule = {**config, "readyWhen": "${applied.config.status.ready}"}
    found = release(resources=[rule], outputs=[])
    first = bindings.reconcile(observed(release=found))
    for ready, expected in ((True, "Ready"), (False, "ResourcesProgressing")):
        there = rendered(first, **live(ready=ready))
        outcome = bindings.reconcile(observed(release=found, rendered_release=there))
        assert conditions(outcome)["Ready"] == (ready, expected)


def test_what_the_plane_refused_is_passed_on() -> None:
    first = bindings.reconcile(observed())
    condition = {
        "type": "ResourcesApplied",
        "status": "False",
        "reason": "ApplyFailed",
        "message": "no such kind",
        "observedGeneration": 1,
    }
    there = rendered(first, conditions=[condition])
    outcome = bindings.reconcile(observed(rendered_release=there))
    assert conditions(outcome)["ResourcesReady"] == (False, "ResourceApplyFailed")


def test_a_release_of_somebody_else_is_left_alone() -> None:
    first = bindings.reconcile(observed())
    there = rendered(first)
    there["metadata"]["ownerReferences"] = []
    outcome = bindings.reconcile(observed(rendered_release=there))
    assert conditions(outcome)["Ready"] == (False, "ReleaseOwnershipConflict")
    assert outcome.apply == ()


def test_a_retained_binding_holds_until_a_person_decides() -> None:
    type_retains = release(retainPolicy="Retain")
    held = bindings.reconcile(
        observed(binding=builders.deleting(binding(), FINALIZER), release=type_retains)
    )
    overruled = bindings.reconcile(
        observed(
            binding=builders.deleting(binding(retainPolicy="Delete"), FINALIZER),
            release=type_retains,
        )
    )
    assert conditions(held) == {"Finalizing": (True, "RetainHold")}
    assert (held.delete, held.remove_finalizer, held.requeue_after) == ((), "", None)
    assert overruled.remove_finalizer == FINALIZER


def test_a_deletion_takes_the_rendered_release_along() -> None:
    there = rendered(bindings.reconcile(observed()))
    deleting = builders.deleting(binding(), FINALIZER)
    outcome = bindings.reconcile(observed(binding=deleting, rendered_release=there))
    assert [item.kind for item in outcome.delete] == ["RenderedRelease"]
    assert outcome.remove_finalizer == ""
