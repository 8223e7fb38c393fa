"""Take away from a shared cluster everything that an instance put there, and nothing else.

No controller runs meanwhile, so nothing waits for one: what types rendered is deleted by the
records of it, OpenChoreo's objects lose their finalizers, then goes what bundles applied, newest
first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from choreo_local.api import labels, registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clusters.ownership import Ownership
from choreo_local.errors import NotFoundError, WaitTimeoutError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Propagation

logger = logging.getLogger(__name__)

Manifest = Mapping[str, Any]

NAMESPACES = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)
_DEFINITIONS = ResourceKind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
_PLACED = (labels.MANAGED_BY_RENDERED_RELEASE, labels.MANAGED_BY_WORKFLOW_RUN)
_GONE_SECONDS = 120
_POLL_SECONDS = 0.2

Found = tuple[ResourceKind, dict[str, Any]]


def kinds_of(manifests: Iterable[Manifest]) -> list[tuple[str, str]]:
    """The API versions and kinds of bundles, last applied first; namespaces at the end. Pure."""
    seen = dict.fromkeys((one["apiVersion"], one["kind"]) for one in manifests)
    last = ("v1", "Namespace")
    return [*(kind for kind in reversed(seen) if kind != last), last]


class Withdrawal:
    """Removes what an instance has on a cluster.

    Args:
        client: with all rights.
        owner: tells what is ours.
        kinds: of everything that bundles apply, in the order in which it goes.
    """

    def __init__(
        self, client: KubeClient, owner: Ownership, *, kinds: Sequence[tuple[str, str]]
    ) -> None:
        self._client = client
        self._owner = owner
        self._kinds = kinds

    async def plan(self) -> list[Found]:
        """Everything that would be deleted, in order."""
        rendered = [found async for found in self._rendered()]
        return [*rendered, *[found async for found in self._applied()]]

    async def carry_out(self) -> int:
        """Delete it, and return once it is gone; how many objects it was.

        Raises WaitTimeoutError when something stays.
        """
        await self._stop_asking()
        rendered = [found async for found in self._rendered()]
        await self._release()
        applied = [found async for found in self._applied()]
        for kind, obj in (*rendered, *applied):
            await self._delete(kind, obj)
        for obj in (await self._client.list(NAMESPACES)).items:
            await self._owner.withdraw(self._client, obj["metadata"]["name"])
        await self._gone([*rendered, *applied])
        return len(rendered) + len(applied)

    async def _stop_asking(self) -> None:
        """Nobody answers any more, and what nobody answers is refused."""
        for kind, obj in [found async for found in self._applied()]:
            if kind.group == "admissionregistration.k8s.io":
                await self._delete(kind, obj)

    async def _rendered(self) -> AsyncIterator[Found]:
        """What types rendered on this cluster, by the records of it; namespaces last."""
        if not await self._is_ours():
            return
        namespaces = []
        for release in await self._releases():
            for entry in (release.get("spec") or {}).get("resources") or ():
                found = await self._placed(entry.get("object") or {})
                if found is not None and found[0] == NAMESPACES:
                    namespaces.append(found)
                elif found is not None:
                    yield found
        for found in namespaces:
            yield found

    async def _releases(self) -> Sequence[Manifest]:
        try:
            return (await self._client.list(registry.RENDERED_RELEASE)).items
        except NotFoundError:
            # The definition goes after what it records: an interrupted attempt was that far.
            return ()

    async def _is_ours(self) -> bool:
        definitions = await self._owner.ours(self._client, _DEFINITIONS)
        return any(one["spec"]["group"] == labels.GROUP for one in definitions)

    async def _placed(self, manifest: Manifest) -> Found | None:
        metadata = manifest.get("metadata") or {}
        try:
            kind = await self._client.resolve(manifest["apiVersion"], manifest["kind"])
            obj = await self._client.get(
                kind, metadata["name"], metadata.get("namespace") if kind.namespaced else None
            )
        except (NotFoundError, KeyError):
            return None
        placed = (obj["metadata"].get("labels") or {}).get(labels.MANAGED_BY)
        return (kind, obj) if placed in _PLACED else None

    async def _release(self) -> None:
        """Let OpenChoreo's objects go: no controller is there for which they could wait."""
        if not await self._is_ours():
            return
        for kind in registry.KINDS.values():
            try:
                found = (await self._client.list(kind.resource)).items
            except NotFoundError:
                continue
            for obj in found:
                await self._let_go(kind.resource, obj)

    async def _let_go(self, kind: ResourceKind, obj: Manifest) -> None:
        metadata = obj["metadata"]
        if metadata.get("finalizers"):
            nothing = {"metadata": {"finalizers": None}}
            try:
                await self._client.patch(kind, metadata["name"], nothing, metadata.get("namespace"))
            except NotFoundError:
                return

    async def _applied(self) -> AsyncIterator[Found]:
        for api_version, name in self._kinds:
            try:
                kind = await self._client.resolve(api_version, name)
            except NotFoundError:
                continue
            for obj in await self._owner.ours(self._client, kind):
                yield kind, obj

    async def _delete(self, kind: ResourceKind, obj: Manifest) -> None:
        metadata = obj["metadata"]
        try:
            await self._client.delete(
                kind,
                metadata["name"],
                metadata.get("namespace"),
                uid=metadata["uid"],
                propagation=Propagation.BACKGROUND,
            )
        except NotFoundError:
            return

    async def _gone(self, deleted: Iterable[Found]) -> None:
        deadline = time.monotonic() + _GONE_SECONDS
        for kind, obj in deleted:
            while await self._is_there(kind, obj):
                if time.monotonic() > deadline:
                    raise WaitTimeoutError(
                        f"{kind.kind} {obj['metadata']['name']} is deleted but does not go away",
                        remedy="See what holds it: kubectl get "
                        f"{kind.plural} {obj['metadata']['name']} -o yaml; then repeat the command",
                    )
                await asyncio.sleep(_POLL_SECONDS)

    async def _is_there(self, kind: ResourceKind, obj: Manifest) -> bool:
        metadata = obj["metadata"]
        try:
            found = await self._client.get(kind, metadata["name"], metadata.get("namespace"))
        except NotFoundError:
            return False
        return bool(found["metadata"]["uid"] == metadata["uid"])
