"""What is particular to a resource when it is written: typing, defaults, reset fields, validation.

Custom resources follow their schema; builtin kinds the tables of `typed`, `defaults` and
`validation`. The verbs know none of this.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.schema import defaulting, pruning, structural
from choreo_local.apimachinery.schema.structural import Structural
from choreo_local.embedded.kubeapi import (
    crdspecs,
    crdvalidation,
    customvalidation,
    defaults,
    embeddedobjects,
    metadata,
    policychecks,
    traits,
    typed,
    validation,
)
from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.kubeapi.messages import User
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.errors import ApiError, Cause

_NOTHING = structural.from_crd({"type": "object"})
_SIGNING_REQUESTS = "certificatesigningrequests.certificates.k8s.io"
_META_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def prepare_create(collection: Collection, obj: Manifest, user: User) -> None:
    """Reset what a creator has no say in, and note who it is where the kind does."""
    if traits.counts_generation(collection):
        metadata.set_generation(obj["metadata"], 1)
    if not collection.served.custom:
        defaults.prepare_create(collection.kind.gvk, obj)
        if collection.kind.group_resource == _SIGNING_REQUESTS:
            _note_requestor(obj.setdefault("spec", {}), user)
    elif collection.served.status_subresource:
        obj.pop("status", None)


def _note_requestor(spec: Manifest, user: User) -> None:
    for field in ("username", "uid", "groups", "extra"):
        spec.pop(field, None)
    spec["username"] = user.name
    if user.uid:
        spec["uid"] = user.uid
    if user.groups:
        spec["groups"] = list(user.groups)
    if user.extra:
        spec["extra"] = {key: list(values) for key, values in user.extra.items()}


def prepare_update(
    collection: Collection, new: Manifest, old: Manifest, *, subresource: str = ""
) -> None:
    """Reset what an update of the object, or of its status, has no say in; set the generation."""
    old_meta = old["metadata"]
    if subresource == "status":
        _keep_all_but_status(collection, new, old)
    elif collection.served.status_subresource and subresource != "approval":
        _keep_status(new, old)
    if not collection.served.custom:
        defaults.prepare_update(collection.kind.gvk, new, old, subresource=subresource)
    if traits.counts_generation(collection):
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
    elif traits.status_keeps_labels(collection):
        new["metadata"].pop("labels", None)
        if "labels" in old["metadata"]:
            new["metadata"]["labels"] = old["metadata"]["labels"]


def _is_counted_change(collection: Collection, new: Manifest, old: Manifest) -> bool:
    skipped = _META_FIELDS
    if collection.served.status_subresource:
        skipped = _META_FIELDS | {"status"}
    fields = (new.keys() | old.keys()) - skipped
    if any(new.get(field) != old.get(field) for field in fields):
        return True
    if not traits.counts_annotations(collection):
        return False
    annotations = new["metadata"].get("annotations") or {}
    return bool(annotations != (old["metadata"].get("annotations") or {}))


def shape(collection: Collection, obj: Manifest) -> list[str]:
    """Give an object the shape of its kind, in place; answers the unknown fields."""
    metadata = obj.get("metadata")
    forgets_managers = isinstance(metadata, dict) and metadata.get("managedFields") == []
    unknown = _shape(collection, obj)
    if forgets_managers:
        # Shaping drops empty lists, but this one says as much as a list of one empty entry.
        obj["metadata"]["managedFields"] = [{}]
    return unknown


def _shape(collection: Collection, obj: Manifest) -> list[str]:
    if not collection.served.custom:
        unknown = typed.shape(collection.kind.gvk, obj)
        if collection.kind.group_resource == "secrets":
            _encode_texts(obj)
        return unknown
    unknown = typed.shape_metadata(obj)
    schema = collection.served.schema
    if obj.get("apiVersion") != collection.kind.api_version:
        # There is no schema for another version here, so nothing in it is known.
        schema = _NOTHING
    if schema is not None:
        unknown += pruning.prune(schema, obj)
        unknown += embeddedobjects.shape(schema, obj)
    return unknown


def _encode_texts(secret: Manifest) -> None:
    """Texts of a Secret are a way to write its data; they are never read back."""
    texts = secret.pop("stringData", None)
    if texts:
        encoded = {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def apply_defaults(collection: Collection, obj: Manifest) -> None:
    """Fill in the defaults of the kind, in place."""
    if not collection.served.custom:
        defaults.apply(collection.kind.gvk, obj)
    elif collection.served.schema is not None:
        defaulting.apply(collection.served.schema, obj)


def drop_nulls(collection: Collection, obj: Manifest) -> None:
    """Remove nulls that a custom resource's schema does not allow, from what a client has sent."""
    if collection.served.custom and collection.served.schema is not None:
        _drop_nulls(collection.served.schema, obj)


def _drop_nulls(schema: Structural, value: Any) -> None:
    """Remove nulls where the schema allows none: what has no default counts as not given."""
    if isinstance(value, dict):
        for name in list(value):
            child = schema.property(name)
            if child is None:
                continue
            if value[name] is None:
                if not child.nullable and not child.preserve_unknown:
                    del value[name]
            elif isinstance(value[name], dict | list):
                _drop_nulls(child, value[name])
    elif isinstance(value, list) and schema.items is not None:
        for item in value:
            if isinstance(item, dict | list):
                _drop_nulls(schema.items, item)


def validate_create(collection: Collection, obj: Manifest) -> None:
    """Refuse an invalid new object."""
    causes: list[Cause] = []
    if not collection.served.custom:
        causes += validation.validate_create(collection.kind.gvk, obj)
        if collection.kind.group_resource == crdspecs.RESOURCE:
            causes += crdvalidation.validate_create(obj)
        causes += policychecks.check(obj)
    else:
        causes += customvalidation.check(collection, obj)
    if causes:
        raise invalid(collection, obj, causes)


def validate_update(
    collection: Collection, new: Manifest, old: Manifest, *, subresource: str = ""
) -> None:
    """Refuse an invalid change."""
    causes = metadata.validate_update(new["metadata"], old["metadata"])
    if not collection.served.custom:
        causes += validation.validate_update(collection.kind.gvk, new, old, subresource=subresource)
        if collection.kind.group_resource == crdspecs.RESOURCE and not subresource:
            causes += crdvalidation.validate_update(new, old)
        if new.get("spec") != old.get("spec") or new.get("webhooks") != old.get("webhooks"):
            causes += policychecks.check(new)
    else:
        _check_type_kept(collection, new)
        causes += customvalidation.check(collection, new, old, subresource=subresource)
    if causes:
        raise invalid(collection, new, causes)


def _check_type_kept(collection: Collection, new: Manifest) -> None:
    kind = collection.kind
    for field, value in (("kind", kind.kind), ("apiVersion", kind.api_version)):
        if new[field] != value:
            cause = fielderrors.invalid_value(field, new[field], f"must be {value}")
            raise fielderrors.invalid(
                new["kind"], new["metadata"]["name"], [cause], group=kind.group
            )


def warnings(collection: Collection, new: Manifest, old: Manifest | None = None) -> list[str]:
    """What to warn about in a valid object; old is None when it is new."""
    if collection.served.custom:
        return []
    return validation.warnings(collection.kind.gvk, new, old)


def invalid(collection: Collection, obj: Manifest, causes: Sequence[Cause]) -> ApiError:
    """The refusal of an object."""
    name = str(obj["metadata"].get("name") or "")
    kind = collection.kind
    group = traits.group_in_refusals(collection)
    return fielderrors.invalid(kind.kind, name, causes, group=group)
