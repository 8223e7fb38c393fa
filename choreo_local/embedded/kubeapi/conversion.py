"""Between the version in which a kind is stored and the versions in which it is served. Pure.

Custom resources have conversion strategy None: only the apiVersion differs. Of the builtin kinds,
autoscaling/v1 and events.k8s.io/v1 are second views of what is stored as autoscaling/v2 and v1.
"""

from __future__ import annotations

from choreo_local.apimachinery.schema import defaulting, pruning
from choreo_local.embedded.kubeapi import builtin_conversion
from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.kubeapi.registry import Collection


def convert(obj: Manifest, collection: Collection) -> Manifest:
    """A stored object in the version of `collection`; may change `obj`."""
    wanted = collection.kind.api_version
    if obj["apiVersion"] == wanted:
        return obj
    if not collection.served.custom:
        return builtin_conversion.convert(obj, wanted)
    obj["apiVersion"] = wanted
    schema = collection.served.schema
    if schema is not None:
        pruning.prune(schema, obj)
        defaulting.apply(schema, obj)
    return obj


def to_storage(obj: Manifest, collection: Collection) -> Manifest:
    """An object of `collection` in the version in which it is stored; may change `obj`."""
    if not collection.served.custom:
        stored = builtin_conversion.STORED_AS.get(collection.kind.gvk)
        return obj if stored is None else builtin_conversion.convert(obj, stored)
    if not collection.is_stored_version:
        obj["apiVersion"] = f"{collection.kind.group}/{collection.storage_version}"
    return obj
