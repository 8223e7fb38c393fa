"""Resource → ResourceRelease; deletion of what it owns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from choreo_local.api import labels
from choreo_local.api.conditions import ResourceCondition as Type
from choreo_local.api.conditions import ResourceReason as Reason
from choreo_local.controllers import finalizing, references
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Outcome, met, unmet
from choreo_local.controllers.resource import retention
from choreo_local.rendering import release as releases


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that the decision may look at, already read.

    Attributes:
        bindings: ResourceReleaseBindings of the resource.
        releases: its ResourceReleases by name.
    """

    resource: Manifest
    resource_type: Manifest | None
    bindings: Sequence[Manifest]
    releases: Mapping[str, Manifest]


def reconcile(observed: Observed) -> Outcome:
    """Freeze the current inputs into a release; whoever deploys pins it to a binding."""
    resource = observed.resource
    if references.is_deleting(resource):
        return _finalize(observed)
    finalizer = references.missing_finalizer(resource, labels.RESOURCE_FINALIZER)
    generation = resource["metadata"].get("generation", 0)
    reference = resource["spec"]["type"]
    if observed.resource_type is None:
        message = f'{reference["kind"]} "{reference["name"]}" not found'
        return Outcome(
            add_finalizer=finalizer,
            status={"observedGeneration": generation},
            conditions=(unmet(Type.READY, Reason.RESOURCE_TYPE_NOT_FOUND, message),),
        )
    release = releases.resource_release(resource, observed.resource_type)
    latest = {"name": release.name, "hash": release.hash}
    # Compared with the status, not with what exists: a release that a person deleted stays deleted.
    is_known = (resource.get("status") or {}).get("latestRelease") == latest
    in_place = f"ResourceRelease {release.name} in place"
    return Outcome(
        add_finalizer=finalizer,
        create=() if is_known else (release.manifest,),
        status={"observedGeneration": generation, "latestRelease": latest},
        conditions=(met(Type.READY, Reason.RECONCILED, in_place),),
    )


def _finalize(observed: Observed) -> Outcome:
    if labels.RESOURCE_FINALIZER not in references.finalizers(observed.resource):
        return Outcome()
    if observed.bindings:
        return _delete(
            [binding for binding in observed.bindings if not _is_retained(observed, binding)],
            "Waiting for ResourceReleaseBindings to be deleted",
        )
    # Releases go last: a binding that is going still looks into its release.
    if observed.releases:
        waiting = "Waiting for ResourceReleases to be deleted"
        return _delete(list(observed.releases.values()), waiting)
    going = met(Type.FINALIZING, Reason.FINALIZING, "Resource is finalizing")
    return Outcome(conditions=(going,), remove_finalizer=labels.RESOURCE_FINALIZER)


def _is_retained(observed: Observed, binding: Manifest) -> bool:
    release = observed.releases.get(binding["spec"].get("resourceRelease") or "")
    return retention.is_retained(binding, release)


def _delete(going: Sequence[Manifest], text: str) -> Outcome:
    return finalizing.waiting(going, met(Type.FINALIZING, Reason.FINALIZING, text))
