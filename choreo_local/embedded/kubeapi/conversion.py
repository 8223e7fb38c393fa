"""Between the version in which a kind is stored and the versions in which it is served. Pure.

Of custom resources only the apiVersion differs, unless their definition names a webhook, which is
asked ahead of time: see `crdconversion`. Of the builtin kinds,
autoscaling/v1 and events.k8s.io/v1 are second views of what is stored as autoscaling/v2 and v1.
"""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local.apimachinery.schema import defaulting, pruning
from choreo_local.embedded.kubeapi import builtin_conversion
from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.storage.eventlog import Stored


def convert(obj: Manifest, collection: Collection) -> Manifest:
    """A stored object in the version of `collection`; may change `obj`."""
    wanted = collection.kind.api_version
    if obj["apiVersion"] == wanted:
        return obj
    if not collection.served.custom:
        return builtin_conversion.convert(obj, wanted)
    if collection.converter is not None:
        obj = collection.converter.known(obj, wanted)
    obj["apiVersion"] = wanted
    schema = collection.served.schema
    if schema is not None:
        pruning.prune(schema, obj)
        defaulting.apply(schema, obj)
    return obj


async def prepare(collection: Collection, items: Iterable[Stored]) -> None:
    """See to it that stored objects can be converted, if somebody has to be asked for that."""
    if collection.converter is not None:
        await collection.converter.prepare(items, collection.kind.api_version)


async def ahead(collection: Collection, obj: Manifest) -> Manifest | None:
    """What to store of an object when somebody has to be asked for that; None otherwise."""
    if collection.converter is None or collection.is_stored_version:
        return None
    api_version = f"{collection.kind.group}/{collection.storage_version}"
    return await collection.converter.to_version(obj, api_version)


def remember(collection: Collection, stored: Stored, obj: Manifest) -> None:
    """What has just been stored is this object in the version of the collection."""
    if collection.converter is not None:
        collection.converter.remember(stored, obj)


def to_storage(obj: Manifest, collection: Collection) -> Manifest:
    """An object of `collection` in the version in which it is stored; may change `obj`."""
    if not collection.served.custom:
        stored = builtin_conversion.STORED_AS.get(collection.kind.gvk)
        return obj if stored is None else builtin_conversion.convert(obj, stored)
    if not collection.is_stored_version:
        obj["apiVersion"] = f"{collection.kind.group}/{collection.storage_version}"
    return obj
