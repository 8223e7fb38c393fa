"""What the loops of StatefulSets and DaemonSets share: waking by Pods, claiming, revisions."""

from __future__ import annotations

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.claims import claimed
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.references import controller_of, controller_uid
from choreo_local.embedded.controllermanager.selectors import label_selector
from choreo_local.workqueue import WorkQueue


class OwnedPods:
    """The Pods and revisions of one kind of owner.

    Args:
        kind: the kind of the owners.
        queue: gets the keys of owners whose Pods or own state changed.
    """

    def __init__(
        self,
        informers: SharedInformers,
        objects: Objects,
        kind: ResourceKind,
        queue: WorkQueue[ObjectKey],
    ) -> None:
        self._objects = objects
        self._kind = kind
        self._queue = queue
        self.owners = informers.of(kind)
        pods = informers.of(kinds.PODS)
        revisions = informers.of(kinds.CONTROLLER_REVISIONS)
        self._pods_by_owner = Index(pods, lambda obj: [controller_uid(obj)])
        self._orphans = Index(
            pods, lambda obj: [] if controller_of(obj) else [obj["metadata"]["namespace"]]
        )
        self._revisions_by_owner = Index(revisions, lambda obj: [controller_uid(obj)])
        self.owners.add_callback(self._owner_changed)
        pods.add_callback(self._dependant_changed)
        revisions.add_callback(self._dependant_changed)

    def _owner_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._queue.add(key_of(dict(new)))

    def _dependant_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for each in (old, new):
            reference = controller_of(each) if each is not None else None
            if each is not None and reference is not None:
                if reference["kind"] == self._kind.kind:
                    self._queue.add((each["metadata"]["namespace"], reference["name"]))
            elif each is not None and each is new:
                self._wake_matching(each)

    def _wake_matching(self, orphan: Manifest) -> None:
        labels = orphan["metadata"].get("labels") or {}
        if not labels:
            return
        for each in self.owners.list(orphan["metadata"]["namespace"]):
            if label_selector(each["spec"].get("selector")).matches(labels):
                self._queue.add(key_of(each))

    async def pods_of(self, owner: Manifest) -> tuple[Manifest, ...]:
        """The Pods of an owner, after adoption and release."""
        metadata = owner["metadata"]
        return await claimed(
            self._objects,
            owner,
            lambda: [
                *self._pods_by_owner.get(metadata["uid"]),
                *self._orphans.get(metadata["namespace"]),
            ],
            owner_kind=self._kind,
            kind=kinds.PODS,
            selector=label_selector(owner["spec"].get("selector")),
        )

    def revisions_of(self, owner: Manifest) -> list[Manifest]:
        """The ControllerRevisions of an owner."""
        return list(self._revisions_by_owner.get(owner["metadata"]["uid"]))
