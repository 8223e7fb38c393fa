"""Who owns which field: managedFields of every write. Used by the verbs that write."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local import clock
from choreo_local.apimachinery.patch import apply
from choreo_local.apimachinery.patch.fieldset import FieldSet
from choreo_local.apimachinery.schema.structural import Structural
from choreo_local.embedded.kubeapi import typed
from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.options import WriteOptions
from choreo_local.embedded.kubeapi.registry import Collection

_MAX_MANAGER_BYTES = 128
_IDENTITY = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation"}
    | {"deletionTimestamp", "deletionGracePeriodSeconds", "generateName"}
)
_STATUS: FieldSet = {"f:status": {}}
_SPEC: FieldSet = {"f:spec": {}}
_CUSTOM_SPEC: FieldSet = {"f:metadata": {}, "f:spec": {}}


@dataclass(slots=True)
class Ownership:
    """Tracks one write that is not a server-side apply.

    Attributes:
        collection: the resource written to.
        manager: `fieldManager`, or the User-Agent up to its first slash.
        subresource: of the URL.
    """

    collection: Collection
    manager: str
    subresource: str

    @classmethod
    def of(cls, call: Call, options: WriteOptions) -> Ownership:
        """The tracking of a create, update or patch."""
        manager = options.field_manager or default_manager(call)
        return cls(call.collection, manager, call.subresource)

    @property
    def schema(self) -> Structural | None:
        """The schema of what is written."""
        return self.collection.served.schema

    @property
    def api_version(self) -> str:
        """The version in which it is written."""
        return self.collection.kind.api_version

    def track(self, old: Manifest | None, new: Manifest) -> None:
        """Bring `metadata.managedFields` of the new object up to date."""
        if old is None and not self.collection.served.custom:
            # Nobody sets what is there in any case.
            old = dict(typed.empty(self.collection.kind.gvk))
        apply.track_update(
            old=old,
            new=new,
            schema=self.schema,
            manager=self.manager,
            api_version=self.api_version,
            now=clock.timestamp(),
            subresource=self.subresource,
            reset=reset_fields(self.collection, self.subresource),
        )


@dataclass(slots=True)
class AppliedOwnership(Ownership):
    """Tracks a server-side apply: merging decides what is owned, before admission sees it."""

    applied: Manifest
    force: bool

    @classmethod
    def of_apply(cls, call: Call, options: WriteOptions, applied: Manifest) -> AppliedOwnership:
        """The tracking of an apply patch."""
        return cls(call.collection, options.field_manager, call.subresource, applied, options.force)

    def merge(self, live: Manifest | None) -> Manifest:
        """The object after the apply; ConflictError when others own what it changes."""
        merged = apply.merge_apply(
            live=live,
            applied=self.applied,
            schema=self.schema,
            manager=self.manager,
            api_version=self.api_version,
            force=self.force,
            now=clock.timestamp(),
            subresource=self.subresource,
            reset=reset_fields(self.collection, self.subresource),
        )
        if live is not None:
            # Giving up the last owned field of the metadata must not take its identity along.
            kept = {key: value for key, value in live["metadata"].items() if key in _IDENTITY}
            merged["metadata"] = {**kept, **(merged.get("metadata") or {})}
        return merged

    def track(self, old: Manifest | None, new: Manifest) -> None:
        """Merging has done it."""


def reset_fields(collection: Collection, subresource: str) -> FieldSet | None:
    """The fields that a write to the object, or to its status, cannot change."""
    served = collection.served
    if subresource == "status":
        return _CUSTOM_SPEC if served.custom else _SPEC
    if served.status_subresource and not subresource:
        return _STATUS
    return None


def default_manager(call: Call) -> str:
    """The manager of a writer that does not name itself."""
    agent = call.request.header("user-agent").partition("/")[0]
    clean = "".join(character for character in agent if character.isprintable())
    return clean.encode()[:_MAX_MANAGER_BYTES].decode(errors="ignore") or "unknown"
