"""Watches over the objects that we applied to other planes; health flows back through them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from choreo_local.controllers import applied, identity, tracking
from choreo_local.controllers.applied import Applied
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.errors import NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.watcher import Informer
from choreo_local.tasks import TaskGroup

_FIRST_READ_SECONDS = 10.0


class LiveObjects:
    """Follows labelled objects on any number of planes; implements `observed.Live`.

    Args:
        client: the client of a plane.
        on_change: told of every object that was added, modified or deleted.
    """

    def __init__(
        self,
        client: Callable[[PlaneReference], KubeClient],
        *,
        on_change: Callable[[Manifest], None],
    ) -> None:
        self._client = client
        self._on_change = on_change
        self._informers: dict[tuple[PlaneReference, str, str], Informer] = {}
        self._objects: dict[PlaneReference, dict[identity.ObjectKey, Manifest]] = defaultdict(dict)
        self._by_owner: dict[tuple[PlaneReference, str], dict[identity.ObjectKey, Manifest]] = (
            defaultdict(dict)
        )
        self._applied: dict[PlaneReference, dict[identity.ObjectKey, Applied]] = defaultdict(dict)
        self._doubted: dict[PlaneReference, dict[identity.ObjectKey, str]] = defaultdict(dict)
        self._tasks = TaskGroup("live-objects")

    def check(self, plane: PlaneReference) -> None:
        """Raises UnreachableError when nothing connects us with a plane."""
        self._client(plane)

    async def follow(self, plane: PlaneReference, kinds: Iterable[tuple[str, str]]) -> None:
        """Know the objects of these (apiVersion, kind) from now on; returns once they are read."""
        self.check(plane)
        informers = [await self._followed(plane, api_version, kind) for api_version, kind in kinds]
        reads = [
            informer.synced.wait()
            for informer in informers
            if informer is not None and not informer.synced.is_set()
        ]
        if not reads:
            return
        try:
            await asyncio.wait_for(asyncio.gather(*reads), _FIRST_READ_SECONDS)
        except TimeoutError:
            message = (
                f'cannot read the objects of {plane.kind} "{plane.plane_id}": no answer in time'
            )
            raise UnreachableError(message) from None

    def of_owner(self, plane: PlaneReference, owner: str) -> Sequence[Manifest]:
        """The live objects that a RenderedRelease or a WorkflowRun, by its uid, put on a plane."""
        return list(self._by_owner.get((plane, owner), {}).values())

    async def read(
        self, plane: PlaneReference, api_version: str, kind: str, namespace: str, name: str
    ) -> Manifest | None:
        """Ask the plane for one object: only its answer says that there is none."""
        client = self._client(plane)
        try:
            resource = await client.resolve(api_version, kind)
            return await client.get(resource, name, namespace or None)
        except NotFoundError:
            return None

    async def confirm(self, plane: PlaneReference, keys: Iterable[identity.ObjectKey]) -> None:
        """Ask the plane for those of these objects of which we are in doubt."""
        doubted = self._doubted[plane]
        for key in keys:
            api_version = doubted.get(key)
            if api_version is None:
                continue
            _, kind, namespace, name = key
            obj = await self.read(plane, api_version, kind, namespace, name)
            doubted.pop(key, None)
            if obj is not None and tracking.owner_of(obj) is not None:
                self._store(plane, obj)

    def doubt(self, plane: PlaneReference, manifests: Iterable[Mapping[str, Any]]) -> None:
        """These may have been applied or not: the answer was lost."""
        for manifest in manifests:
            self._doubted[plane][identity.key(manifest)] = manifest["apiVersion"]

    def applied(self, plane: PlaneReference) -> Mapping[identity.ObjectKey, Applied]:
        """What this process applied to a plane, by object."""
        return self._applied[plane]

    def record(
        self, plane: PlaneReference, written: Iterable[tuple[Mapping[str, Any], Manifest]]
    ) -> None:
        """Remember manifests that have been applied to a plane, and what the plane answered."""
        for manifest, answer in written:
            self._applied[plane][identity.key(manifest)] = applied.of(manifest, answer)
            # Only what is watched: nobody would tell when it goes.
            if (plane, answer["apiVersion"], answer["kind"]) in self._informers:
                self._store(plane, answer)

    def forget(self, plane: PlaneReference, gone: identity.ObjectKey) -> None:
        """The plane said that an object is no more."""
        self._applied[plane].pop(gone, None)
        self._doubted[plane].pop(gone, None)
        obj = self._objects[plane].pop(gone, None)
        if obj is not None:
            self._unfile(plane, obj)

    async def stop(self) -> None:
        """Stop all watches."""
        await self._tasks.stop()

    async def _followed(
        self, plane: PlaneReference, api_version: str, kind: str
    ) -> Informer | None:
        key = (plane, api_version, kind)
        if key in self._informers:
            return self._informers[key]
        client = self._client(plane)
        try:
            resource = await client.resolve(api_version, kind)
        except NotFoundError:
            # The plane does not serve the kind (yet): there can be no objects of it.
            return None
        if key in self._informers:  # another pass was quicker
            return self._informers[key]

        def on_change(old: Manifest | None, new: Manifest | None) -> None:
            self._changed(plane, old, new)

        informer = Informer(client, resource, label_selector=tracking.SELECTOR, on_change=on_change)
        self._informers[key] = informer
        self._tasks.start(informer.run(), name=f"{plane.plane_id}/{resource.group_resource}")
        return informer

    def _changed(self, plane: PlaneReference, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._store(plane, new)
        elif old is not None:
            self.forget(plane, identity.key(old))
        changed = new or old
        if changed is not None:
            self._on_change(changed)

    def _store(self, plane: PlaneReference, obj: Manifest) -> None:
        name = identity.key(obj)
        self._doubted[plane].pop(name, None)
        known = self._objects[plane].get(name)
        if known is not None:
            # What a write answered may be ahead of the watch.
            if _revision(known) > _revision(obj):
                return
            self._unfile(plane, known)
        self._objects[plane][name] = obj
        self._by_owner[plane, _owner_key(obj)][name] = obj

    def _unfile(self, plane: PlaneReference, obj: Manifest) -> None:
        owner = (plane, _owner_key(obj))
        objects = self._by_owner[owner]
        objects.pop(identity.key(obj), None)
        if not objects:
            del self._by_owner[owner]


def _owner_key(obj: Manifest) -> str:
    owner = tracking.owner_of(obj)
    return owner.key if owner else ""


def _revision(obj: Manifest) -> int:
    return int(obj["metadata"].get("resourceVersion") or 0)
