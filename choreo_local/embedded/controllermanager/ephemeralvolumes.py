"""Generic ephemeral volumes: each gets a claim that lives as long as its Pod."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from choreo_local.embedded.controllermanager import kinds, plans, pods
from choreo_local.embedded.controllermanager.informers import ObjectKey, SharedInformers, key_of
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Note
from choreo_local.embedded.controllermanager.references import controller_reference, controller_uid
from choreo_local.errors import AlreadyExistsError
from choreo_local.tasks import TaskGroup


def claim_name(pod: Manifest, volume: Manifest) -> str:
    """The name of the claim of an ephemeral volume."""
    return f"{pod['metadata']['name']}-{volume['name']}"


def claims(pod: Manifest) -> Iterator[dict[str, Any]]:
    """The claims that a Pod needs for its ephemeral volumes."""
    metadata = pod["metadata"]
    if metadata.get("deletionTimestamp") or pods.is_finished(pod):
        return
    for volume in pod["spec"].get("volumes") or ():
        template = (volume.get("ephemeral") or {}).get("volumeClaimTemplate")
        if not template:
            continue
        kept = {
            field: dict(value)
            for field, value in (template.get("metadata") or {}).items()
            if field in ("labels", "annotations") and value
        }
        yield {
            "apiVersion": kinds.PERSISTENT_VOLUME_CLAIMS.api_version,
            "kind": kinds.PERSISTENT_VOLUME_CLAIMS.kind,
            "metadata": {
                **kept,
                "name": claim_name(pod, volume),
                "namespace": metadata["namespace"],
                "ownerReferences": [controller_reference(pod, kinds.PODS)],
            },
            "spec": dict(template["spec"]),
        }


class EphemeralVolumesLoop:
    """Makes the claims; the garbage collector removes them after their Pod."""

    def __init__(self, informers: SharedInformers, objects: Objects) -> None:
        self._objects = objects
        self._pods = informers.of(kinds.PODS)
        self._claims = informers.of(kinds.PERSISTENT_VOLUME_CLAIMS)
        self._loop: Loop[ObjectKey] = Loop("ephemeral volumes", self._look, workers=1)
        self._pods.add_callback(self._pod_changed)
        self._claims.add_callback(self._claim_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _pod_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is None and new is not None and any(claims(new)):
            self._loop.queue.add(key_of(dict(new)))

    def _claim_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None or old is None:
            return
        for owner in old["metadata"].get("ownerReferences") or ():
            if owner["kind"] == kinds.PODS.kind:
                self._loop.queue.add((old["metadata"]["namespace"], owner["name"]))

    async def _look(self, key: ObjectKey) -> float | None:
        await self._claims.synced.wait()
        pod = self._pods.get(key[1], key[0])
        for claim in claims(pod) if pod is not None else ():
            assert pod is not None
            await self._ensure(pod, claim)
        return None

    async def _ensure(self, pod: Manifest, claim: dict[str, Any]) -> None:
        metadata = claim["metadata"]
        found = self._claims.get(metadata["name"], metadata["namespace"])
        if found is None:
            try:
                await self._objects.write(plans.create(kinds.PERSISTENT_VOLUME_CLAIMS, claim))
            except AlreadyExistsError:
                self._loop.queue.retry((metadata["namespace"], pod["metadata"]["name"]))
        elif controller_uid(found) != pod["metadata"]["uid"]:
            message = (
                f'PVC "{metadata["namespace"]}/{metadata["name"]}" was not created for pod '
                f'"{metadata["namespace"]}/{pod["metadata"]["name"]}" (pod is not owner)'
            )
            note = Note(pod, "FailedBinding", message, warning=True)
            self._objects.recorder.record(note)
