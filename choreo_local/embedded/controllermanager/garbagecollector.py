"""Deletes what has lost its owners, and carries out foreground and orphaning deletions."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import ownergraph
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.ownergraph import Node, OwnerGraph, Owners
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.servedkinds import ServedKinds
from choreo_local.errors import ConflictError, NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Propagation
from choreo_local.kubeclient.trimming import Trimmed
from choreo_local.kubeclient.watcher import Informer
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

# Events come and go in masses and never own or belong to anything.
_IGNORED = frozenset({"events"})
_FIRST_UNKNOWN_SECONDS = 5.0
_KEPT = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
)


class GarbageCollector:
    """Follows the metadata of all kinds.

    The decisions (which owner counts, what is deleted how) are in `ownergraph`; before a deletion
    everything is read anew from the API, as the graph may lag.
    """

    def __init__(
        self, client: KubeClient, informers: SharedInformers, served: ServedKinds, tasks: TaskGroup
    ) -> None:
        self._client = client
        self._shared = informers
        self._served = served
        self._tasks = tasks
        self._graph = OwnerGraph()
        self._absent: set[str] = set()
        self._followed: dict[ResourceKind, Any] = {}
        self._loop: Loop[str] = Loop("garbage collector", self._look, workers=8)

    def start(self) -> None:
        """Begin to follow and to collect."""
        self._loop.start(self._tasks)
        self._served.add_callbacks(self._follow, self._unfollow)

    def _follow(self, kind: ResourceKind) -> None:
        if kind.plural in _IGNORED or kind in self._followed:
            return

        def changed(old: Manifest | None, new: Manifest | None) -> None:
            self._changed(kind, old, new)

        shared = self._shared.known(kind)
        if shared is not None:
            self._followed[kind] = None
            shared.add_callback(changed)
            return
        informer = Informer(Trimmed(self._client, _metadata_only), kind, on_change=changed)
        name = f"metadata of {kind.group_resource}"
        self._followed[kind] = self._tasks.start(informer.run(), name=name)

    def _unfollow(self, kind: ResourceKind) -> None:
        task = self._followed.pop(kind, None)
        if task is not None:
            task.cancel()
        for node in [each for each in self._graph.nodes.values() if each.kind == kind]:
            self._forget(node.uid)

    def _changed(self, kind: ResourceKind, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None and (new is None or old["metadata"]["uid"] != new["metadata"]["uid"]):
            self._forget(old["metadata"]["uid"])
        if new is None:
            return
        node = ownergraph.node_of(kind, new)
        before = self._graph.put(node)
        if before is None or before.owners != node.owners:
            if node.owners:
                self._loop.queue.add(node.uid)
            for uid in self._graph.owners_of(before) if before else ():
                self._wake_waiting(uid)
        if node.is_ending and (before is None or not before.is_ending):
            self._deletion_began(node)
        elif before is not None and before.finalizers != node.finalizers:
            self._loop.queue.add(node.uid)

    def _deletion_began(self, node: Node) -> None:
        self._loop.queue.add(node.uid)
        if node.awaits_dependants:
            for each in self._graph.dependants(node.uid):
                self._loop.queue.add(each.uid)

    def _forget(self, uid: str) -> None:
        node = self._graph.nodes.get(uid)
        dependants = self._graph.dependants(uid)
        self._graph.remove(uid)
        if dependants:
            self._absent.add(uid)
        for each in dependants:
            self._loop.queue.add(each.uid)
        for owner in self._graph.owners_of(node) if node else ():
            self._wake_waiting(owner)

    def _wake_waiting(self, uid: str) -> None:
        """An owner that waits for its dependants may be able to go."""
        owner = self._graph.nodes.get(uid)
        if owner is not None and (owner.awaits_dependants or owner.orphans_dependants):
            self._loop.queue.add(uid)
        elif not self._graph.dependants(uid):
            self._absent.discard(uid)

    async def _look(self, uid: str) -> float | None:
        node = self._graph.nodes.get(uid)
        if node is None:
            return None
        if node.orphans_dependants:
            await self._orphan(node)
        elif node.awaits_dependants:
            await self._delete_dependants(node)
        elif not node.is_ending and node.owners:
            return await self._judge(node)
        return None

    async def _orphan(self, node: Node) -> None:
        """Let go all dependants, then the object."""
        for each in self._graph.dependants(node.uid):
            rest = [ref for ref in each.owners if ref["uid"] != node.uid]
            await self._set_owners(each, rest)
        await self._drop_finalizer(node, ownergraph.ORPHAN)

    async def _delete_dependants(self, node: Node) -> None:
        """Let go an object under foreground deletion when nothing that blocks it is left."""
        dependants = self._graph.dependants(node.uid)
        if not any(each.blocks(node.uid) for each in dependants):
            await self._drop_finalizer(node, ownergraph.FOREGROUND)
        for each in dependants:
            if not each.is_ending:
                self._loop.queue.add(each.uid)

    async def _judge(self, node: Node) -> float | None:
        """Delete an object without owners, or take away references to those that are gone."""
        try:
            live = await self._client.get(node.kind, node.name, node.namespace or None)
        except NotFoundError:
            return None
        if live["metadata"]["uid"] != node.uid:
            return None
        node = ownergraph.node_of(node.kind, live)
        if node.is_ending or not node.owners:
            return None
        owners = await self._classify(node)
        if owners is None:
            return _FIRST_UNKNOWN_SECONDS
        kept = ownergraph.kept_references(node, owners)
        if kept is not None:
            await self._set_owners(node, kept)
        elif not owners.solid:
            await self._delete(node, owners)
        return None

    async def _delete(self, node: Node, owners: Owners) -> None:
        dependants = self._graph.dependants(node.uid)
        if owners.waiting and ownergraph.in_circle(node, dependants):
            # Neither would ever go: stop blocking the owner first.
            unblocked = [{**each, "blockOwnerDeletion": False} for each in node.owners]
            await self._set_owners(node, unblocked)
        how = ownergraph.propagation_for(node, owners, dependants)
        try:
            await self._client.delete(
                node.kind,
                node.name,
                node.namespace or None,
                propagation=Propagation(how),
                uid=node.uid,
            )
        except (NotFoundError, ConflictError):
            return

    async def _classify(self, node: Node) -> Owners | None:
        """Look up the owners; None when the kind of one is not (yet) served."""
        solid: list[Manifest] = []
        gone: list[Manifest] = []
        waiting: list[Manifest] = []
        for reference in node.owners:
            try:
                owner = await self._owner(node, reference)
            except NotFoundError:
                return None
            if owner is None:
                gone.append(reference)
            elif owner.awaits_dependants and reference.get("blockOwnerDeletion"):
                waiting.append(reference)
            else:
                solid.append(reference)
        return Owners(solid, gone, waiting)

    async def _owner(self, node: Node, reference: Manifest) -> Node | None:
        """The owner that a reference means; NotFoundError when its kind is not served."""
        uid = reference["uid"]
        known = self._graph.nodes.get(uid)
        if known is not None and _is_meant(known, node, reference):
            return known
        if uid in self._absent:
            return None
        kind = await self._client.resolve(reference["apiVersion"], reference["kind"])
        if kind.namespaced and not node.namespace:
            # A cluster-wide object cannot belong to one of a namespace.
            return None
        try:
            live = await self._client.get(
                kind, reference["name"], node.namespace if kind.namespaced else None
            )
        except NotFoundError:
            self._absent.add(uid)
            return None
        return ownergraph.node_of(kind, live) if live["metadata"]["uid"] == uid else None

    async def _set_owners(self, node: Node, references: Sequence[Manifest]) -> None:
        change = {"ownerReferences": list(references) or None}
        await self._change(node, change, with_revision=True)

    async def _drop_finalizer(self, node: Node, finalizer: str) -> None:
        rest = [each for each in node.finalizers if each != finalizer]
        await self._change(node, {"finalizers": rest or None}, with_revision=True)

    async def _change(self, node: Node, change: dict[str, Any], *, with_revision: bool) -> None:
        metadata = {"uid": node.uid, **change}
        if with_revision:
            metadata["resourceVersion"] = node.resource_version
        try:
            await self._client.patch(
                node.kind, node.name, {"metadata": metadata}, node.namespace or None
            )
        except NotFoundError:
            return


def _metadata_only(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = obj["metadata"]
    return {"metadata": {key: metadata[key] for key in _KEPT if key in metadata}}


def _is_meant(owner: Node, node: Node, reference: Manifest) -> bool:
    """Whether name, kind and namespace of a reference agree with the object of its uid."""
    group = reference["apiVersion"].rpartition("/")[0]
    same_place = not owner.kind.namespaced or owner.namespace == node.namespace
    same_kind = (owner.kind.group, owner.kind.kind) == (group, reference["kind"])
    return same_kind and same_place and owner.name == reference["name"]
