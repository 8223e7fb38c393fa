"""Empties namespaces under deletion and lets them go."""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds, namespace_plan
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.namespace_plan import Remaining
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.embedded.controllermanager.servedkinds import ServedKinds
from choreo_local.errors import ApiError, MethodNotAllowedError, NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup

FINALIZER = "kubernetes"
# Content that waits for grace periods or finalizers is looked at again after this long.
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 5.0


class NamespaceLoop:
    """Drains and finalizes."""

    def __init__(self, client: KubeClient, informers: SharedInformers, served: ServedKinds) -> None:
        self._client = client
        self._served = served
        self._namespaces = informers.of(kinds.NAMESPACES)
        self._waits: dict[str, float] = {}
        self._loop: Loop[str] = Loop("namespace", self._look)
        self._namespaces.add_callback(self._changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None and new["metadata"].get("deletionTimestamp"):
            if old is None or not old["metadata"].get("deletionTimestamp"):
                self._loop.queue.add(new["metadata"]["name"])
        elif new is None and old is not None:
            self._waits.pop(old["metadata"]["name"], None)

    async def _look(self, name: str) -> float | None:
        namespace = self._namespaces.get(name)
        if namespace is None or not namespace["metadata"].get("deletionTimestamp"):
            return None
        if FINALIZER not in (namespace["spec"].get("finalizers") or ()):
            return None
        await self._served.loaded.wait()
        remaining = await self._empty(name)
        if not remaining.is_empty:
            await self._report(namespace, remaining)
            return self._next_wait(name)
        await self._finalize(namespace)
        return None

    def _next_wait(self, name: str) -> float:
        wait = self._waits.get(name, _FIRST_WAIT_SECONDS)
        self._waits[name] = min(wait * 1.5, _LONGEST_WAIT_SECONDS)
        return wait

    async def _empty(self, namespace: str) -> Remaining:
        """Delete all content; what is left afterwards."""
        remaining = Remaining()
        for kind in self._served.all:
            if not kind.namespaced:
                continue
            try:
                remaining.add(kind, await self._empty_kind(kind, namespace))
            except (NotFoundError, MethodNotAllowedError):
                # The kind has just vanished with all its objects, or keeps none.
                continue
            except ApiError as error:
                remaining.failures.append(f"{kind.group_resource}: {error.message}")
        return remaining

    async def _empty_kind(self, kind: ResourceKind, namespace: str) -> Sequence[Manifest]:
        found = await self._client.list(kind, namespace)
        if not found.items:
            return []
        if any(not obj["metadata"].get("deletionTimestamp") for obj in found.items):
            await self._client.request_json(
                "DELETE",
                kind.path(namespace),
                body={
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "propagationPolicy": "Background",
                },
            )
            found = await self._client.list(kind, namespace)
        return found.items

    async def _report(self, namespace: Manifest, remaining: Remaining) -> None:
        status = namespace_plan.status(namespace, remaining, clock.now())
        if status != namespace.get("status"):
            await self._client.update_status(kinds.NAMESPACES, {**namespace, "status": status})

    async def _finalize(self, namespace: Manifest) -> None:
        """Take our finalizer away, upon which the API removes the namespace."""
        rest = [each for each in namespace["spec"]["finalizers"] if each != FINALIZER]
        wanted = {**namespace, "spec": {**namespace["spec"], "finalizers": rest}}
        try:
            await self._client.update(kinds.NAMESPACES, wanted, subresource="finalize")
        except NotFoundError:
            return
