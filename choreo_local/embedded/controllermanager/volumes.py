"""The loops of PersistentVolumeClaims and PersistentVolumes."""

from __future__ import annotations

from choreo_local.embedded.controllermanager import kinds, volumes_plan
from choreo_local.embedded.controllermanager.ephemeralvolumes import claim_name
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.errors import AlreadyExistsError
from choreo_local.tasks import TaskGroup

# Claims that cannot be fulfilled are looked at again, as their events should not be forgotten.
_PENDING_SECONDS = 15.0


class VolumesLoop:
    """Binds claims to volumes and makes local ones.

    Args:
        folder: below which the kubelet keeps the files of claims.
    """

    def __init__(self, informers: SharedInformers, objects: Objects, folder: str) -> None:
        self._objects = objects
        self._folder = folder
        self._claims = informers.of(kinds.PERSISTENT_VOLUME_CLAIMS)
        self._volumes = informers.of(kinds.PERSISTENT_VOLUMES)
        self._classes = informers.of(kinds.STORAGE_CLASSES)
        pods = informers.of(kinds.PODS)
        self._users = Index(pods, _claims_of)
        self._claim_loop: Loop[ObjectKey] = Loop("claims", self._look_at_claim, workers=1)
        self._volume_loop: Loop[str] = Loop("volumes", self._look_at_volume, workers=1)
        self._claims.add_callback(self._claim_changed)
        self._volumes.add_callback(self._volume_changed)
        self._classes.add_callback(self._class_changed)
        pods.add_callback(self._pod_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._claim_loop.start(tasks)
        self._volume_loop.start(tasks)

    def _claim_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        changed = dict(new or old or {})
        if new is not None:
            self._claim_loop.queue.add(key_of(changed))
        if changed["spec"].get("volumeName"):
            self._volume_loop.queue.add(changed["spec"]["volumeName"])

    def _volume_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        changed = new or old or {}
        if new is not None:
            self._volume_loop.queue.add(new["metadata"]["name"])
        holder = changed["spec"].get("claimRef")
        if holder:
            self._claim_loop.queue.add((holder["namespace"], holder["name"]))
        else:
            self._wake_pending()

    def _class_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        self._wake_pending()

    def _wake_pending(self) -> None:
        for claim in self._claims.list():
            if not claim["spec"].get("volumeName"):
                self._claim_loop.queue.add(key_of(claim))

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for each in (old, new):
            for key in _claims_of(dict(each)) if each is not None else ():
                self._claim_loop.queue.add(key)

    async def _look_at_claim(self, key: ObjectKey) -> float | None:
        await self._volumes.synced.wait()
        await self._classes.synced.wait()
        claim = self._claims.get(key[1], key[0])
        if claim is None:
            return None
        observed = volumes_plan.ClaimObserved(
            claim=claim,
            volume=self._volumes.get(claim["spec"].get("volumeName") or ""),
            volumes=list(self._volumes.list()),
            classes={each["metadata"]["name"]: each for each in self._classes.list()},
            users=self._users.get(key),
            folder=self._folder,
        )
        try:
            await self._objects.carry_out(volumes_plan.claim_plan(observed))
        except AlreadyExistsError:
            return None
        is_settled = claim["spec"].get("volumeName") or claim["metadata"].get("deletionTimestamp")
        return None if is_settled else _PENDING_SECONDS

    async def _look_at_volume(self, name: str) -> float | None:
        await self._claims.synced.wait()
        volume = self._volumes.get(name)
        if volume is None:
            return None
        holder = volume["spec"].get("claimRef") or {}
        claim = None
        if holder:
            claim = self._claims.get(holder["name"], holder["namespace"])
        return await self._objects.carry_out(volumes_plan.volume_plan(volume, claim))


def _claims_of(pod: Manifest) -> list[ObjectKey]:
    namespace, found = pod["metadata"]["namespace"], []
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("persistentVolumeClaim"):
            found.append((namespace, str(volume["persistentVolumeClaim"]["claimName"])))
        elif volume.get("ephemeral"):
            found.append((namespace, claim_name(pod, volume)))
    return found
