"""Carries out plans: writes through the client, and lets the shared caches know at once."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager.events import EventRecorder
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.plans import Manifest, Plan, Verb, Write
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Propagation


class Objects:
    """Writes of one control loop.

    Args:
        recorder: records the notes of plans under the loop's component name.
    """

    def __init__(
        self, client: KubeClient, informers: SharedInformers, recorder: EventRecorder
    ) -> None:
        self.client = client
        self.recorder = recorder
        self._informers = informers

    async def carry_out(self, plan: Plan) -> float | None:
        """Record and write what the plan says; answers when to look again.

        The first write that fails ends the pass with its error.
        """
        for note in plan.notes:
            self.recorder.record(note)
        for write in plan.writes:
            await self.write(write)
        return plan.look_again

    async def write(self, write: Write) -> Manifest:
        """Carry out one write, then record its notes."""
        answer = await self._write(write)
        for note in write.notes:
            self.recorder.record(note)
        return answer

    async def _write(self, write: Write) -> Manifest:
        match write.verb:
            case Verb.CREATE:
                return self._absorbed(write.kind, await self.client.create(write.kind, write.obj))
            case Verb.UPDATE:
                return self._absorbed(write.kind, await self.client.update(write.kind, write.obj))
            case Verb.UPDATE_STATUS:
                return self._absorbed(
                    write.kind, await self.client.update_status(write.kind, write.obj)
                )
            case Verb.PATCH:
                return await self._patch(write)
            case Verb.DELETE:
                return await self.delete(write.kind, write.obj)

    async def _patch(self, write: Write) -> Manifest:
        metadata = write.obj["metadata"]
        answer = await self.client.patch(
            write.kind, metadata["name"], write.patch or {}, metadata.get("namespace")
        )
        return self._absorbed(write.kind, answer)

    async def delete(
        self, kind: ResourceKind, obj: Manifest, *, propagation: Propagation | None = None
    ) -> Manifest:
        """Delete exactly this object; one that is gone already is fine."""
        metadata = obj["metadata"]
        try:
            answer = await self.client.delete(
                kind,
                metadata["name"],
                metadata.get("namespace"),
                propagation=propagation,
                uid=metadata.get("uid"),
            )
        except NotFoundError:
            answer = {"kind": "Status"}
        informer = self._informers.known(kind)
        if informer is None:
            return answer
        if answer.get("kind") == kind.kind and _stays(answer):
            informer.absorb(answer)
        else:
            informer.drop(dict(obj))
        return answer

    def _absorbed(self, kind: ResourceKind, obj: dict[str, Any]) -> Manifest:
        informer = self._informers.known(kind)
        if informer is not None:
            obj.setdefault("apiVersion", kind.api_version)
            obj.setdefault("kind", kind.kind)
            informer.absorb(obj)
        return obj


def _stays(answer: Manifest) -> bool:
    """Whether a deleted object is still there, waiting for a grace period or finalizers."""
    metadata = answer["metadata"]
    return bool(metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds"))
