"""What is particular to a resource when it is written: typing, defaults, reset fields, validation.

Custom resources follow their schema; builtin kinds the tables of `typed`, `defaults` and
`validation`. The verbs know none of this.
"""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.schema import defaulting, pruning
from choreo_local.embedded.kubeapi import metadata
from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.errors import ApiError, Cause

# Kinds whose generation counts changes of the spec, beside those with a status subresource.
_GENERATION = frozenset(
    {
        "customresourcedefinitions.apiextensions.k8s.io",
        "daemonsets.apps",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "cronjobs.batch",
        "jobs.batch",
        "endpointslices.discovery.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "ingressclasses.networking.k8s.io",
        "ingresses.networking.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "networkpolicies.networking.k8s.io",
        "poddisruptionbudgets.policy",
        "pods",
        "priorityclasses.scheduling.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "replicationcontrollers",
        "resourceslices.resource.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
    }
)
# Their generation counts changes of annotations too: the rollout controller reads them.
_ANNOTATIONS_COUNT = frozenset({"deployments.apps"})
_ALLOW_CREATE_ON_UPDATE = frozenset(
    {
        "endpoints",
        "endpointslices.discovery.k8s.io",
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "limitranges",
        "services",
    }
)
_UNCONDITIONAL_UPDATE_REFUSED = frozenset({"nodes"})
_META_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def counts_generation(collection: Collection) -> bool:
    """Whether objects of a resource have a generation."""
    return collection.served.custom or collection.kind.group_resource in _GENERATION


def allows_create_on_update(collection: Collection) -> bool:
    """Whether a PUT of a missing object creates it."""
    return collection.kind.group_resource in _ALLOW_CREATE_ON_UPDATE


def needs_revision(collection: Collection) -> bool:
    """Whether an update must say which revision it replaces."""
    return collection.served.custom


def prepare_create(collection: Collection, obj: Manifest) -> None:
    """Reset what a creator has no say in."""
    if counts_generation(collection):
        metadata.set_generation(obj["metadata"], 1)
    if collection.served.custom and collection.served.status_subresource:
        obj.pop("status", None)


def prepare_update(
    collection: Collection, new: Manifest, old: Manifest, *, subresource: str = ""
) -> None:
    """Reset what an update of the object, or of its status, has no say in; set the generation."""
    old_meta = old["metadata"]
    if subresource == "status":
        _keep_all_but_status(collection, new, old)
    elif collection.served.status_subresource:
        _keep_status(new, old)
    if counts_generation(collection):
        generation = old_meta.get("generation")
        changed = subresource != "status" and _is_counted_change(collection, new, old)
        metadata.set_generation(new["metadata"], (generation or 0) + 1 if changed else generation)


def _keep_status(new: Manifest, old: Manifest) -> None:
    if "status" in old:
        new["status"] = old["status"]
    else:
        new.pop("status", None)


def _keep_all_but_status(collection: Collection, new: Manifest, old: Manifest) -> None:
    for field in [field for field in new if field not in _META_FIELDS and field != "status"]:
        if field not in old:
            del new[field]
    for field, value in old.items():
        if field not in _META_FIELDS and field != "status":
            new[field] = value
    if collection.served.custom:
        managed = new["metadata"].get("managedFields")
        revision = new["metadata"].get("resourceVersion")
        new["metadata"] = dict(old["metadata"])
        if managed is not None:
            new["metadata"]["managedFields"] = managed
        if revision is not None:
            new["metadata"]["resourceVersion"] = revision
    elif "labels" in old["metadata"]:
        new["metadata"]["labels"] = old["metadata"]["labels"]
    else:
        new["metadata"].pop("labels", None)


def _is_counted_change(collection: Collection, new: Manifest, old: Manifest) -> bool:
    skipped = _META_FIELDS
    if collection.served.status_subresource:
        skipped = _META_FIELDS | {"status"}
    fields = (new.keys() | old.keys()) - skipped
    if any(new.get(field) != old.get(field) for field in fields):
        return True
    if collection.kind.group_resource not in _ANNOTATIONS_COUNT:
        return False
    annotations = new["metadata"].get("annotations") or {}
    return bool(annotations != (old["metadata"].get("annotations") or {}))


def shape(collection: Collection, obj: Manifest) -> list[str]:
    """Give an object the shape of its kind, in place; answers the unknown fields."""
    schema = collection.served.schema
    return pruning.prune(schema, obj) if schema is not None else []


def apply_defaults(collection: Collection, obj: Manifest) -> None:
    """Fill in the defaults of the kind, in place."""
    if collection.served.custom and collection.served.schema is not None:
        defaulting.apply(collection.served.schema, obj)


def validate_create(collection: Collection, obj: Manifest) -> None:
    """Refuse an invalid new object."""
    causes: list[Cause] = []
    if collection.validator is not None:
        causes += collection.validator.validate(obj)
    if causes:
        raise invalid(collection, obj, causes)


def validate_update(
    collection: Collection, new: Manifest, old: Manifest, *, subresource: str = ""
) -> None:
    """Refuse an invalid change."""
    causes = metadata.validate_update(new["metadata"], old["metadata"])
    if collection.validator is not None:
        causes += collection.validator.validate(new, old)
    if causes:
        raise invalid(collection, new, causes)


def invalid(collection: Collection, obj: Manifest, causes: Sequence[Cause]) -> ApiError:
    """The refusal of an object."""
    name = str(obj["metadata"].get("name") or "")
    kind = collection.kind
    return fielderrors.invalid(kind.kind, name, causes, group=kind.group)
