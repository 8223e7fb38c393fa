"""Controllers over objects in memory: what they write stays here, and no plane is asked.

The reads and decisions are the operator's; only the writes end here. What a data plane would answer
is not known: whatever is applied to one counts as healthy, and nothing is known of its status.

Public: `Memory(controllers, stored=…)`, `Memory.keep(…)`, `Memory.outcome(…)`,
`Memory.settle(…)`, `key(obj)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.api import registry
from choreo_local.apimachinery import gvk
from choreo_local.controllers import writes
from choreo_local.controllers.identity import ObjectKey
from choreo_local.controllers.indexes import Caches, IndexFunction
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Outcome, PlaneReference
from choreo_local.controllers.runtime import Controller
from choreo_local.errors import ChoreoError
from choreo_local.rendering.health import Health

# An object may wait for another, and that for a third; more rounds than objects help nobody.
_SPARE_ROUNDS = 3


class Memory:
    """A control plane of which only the objects exist.

    Args:
        controllers: those that are run, or whose indexes are used.
        stored: what an API server would make of an object that a controller writes.

    Attributes:
        caches: the objects.
    """

    def __init__(
        self,
        controllers: Iterable[Controller[Any]],
        *,
        stored: Callable[[Mapping[str, Any]], Manifest],
    ) -> None:
        self._stored = stored
        indexes: dict[str, dict[str, IndexFunction]] = {kind: {} for kind in registry.KINDS}
        for controller in controllers:
            for kind, functions in controller.indexes.items():
                indexes[kind].update(functions)
        self.caches = Caches(indexes)
        self._revision = 0

    def keep(self, obj: Manifest) -> Manifest:
        """Keep an object that is in stored form; answers it with what every object has."""
        kept = self._identified(obj)
        self.caches.of(obj["kind"]).store(kept)
        return kept

    def write(self, manifest: Mapping[str, Any]) -> Manifest:
        """Store and keep what a controller writes.

        Raises:
            ChoreoError: the API server would refuse it.
        """
        return self.keep(_healthy(self._stored(manifest)))

    async def outcome(self, controller: Controller[Any], obj: Manifest) -> Outcome:
        """What a controller makes of an object; nothing is written."""
        return controller.reconcile(await controller.gather(self.caches, _UNKNOWN, obj))

    async def settle(self, controllers: Sequence[Controller[Any]]) -> None:
        """Let controllers see what became of each other's objects, until nothing changes."""
        count = sum(len(self.caches.list(each.kind.kind)) for each in controllers)
        for _ in range(count + _SPARE_ROUNDS):
            changes = [
                await self._pass(controller, obj)
                for controller in controllers
                for obj in self.caches.list(controller.kind.kind)
            ]
            if not any(changes):
                return

    async def _pass(self, controller: Controller[Any], obj: Manifest) -> bool:
        """One look at an object; whether anything was written."""
        outcome = await self.outcome(controller, obj)
        try:
            for manifest in outcome.apply:
                self.write(manifest)
        except ChoreoError as error:
            outcome = outcome.on_error(error) if outcome.on_error else outcome
        patch = writes.status_patch(obj, outcome, now=clock.timestamp())
        if patch:
            status = {**(obj.get("status") or {}), **patch}
            self.keep({**obj, "status": {k: v for k, v in status.items() if v is not None}})
        return bool(outcome.apply or patch)

    def _identified(self, obj: Manifest) -> Manifest:
        """What an API server gives every object; the uid is made of the name, to stay the same."""
        digest = hashlib.sha256("/".join(key(obj)).encode()).hexdigest()
        uid = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
        self._revision += 1
        metadata = {"uid": uid, "generation": 1, **obj["metadata"]}
        return {**obj, "metadata": {**metadata, "resourceVersion": str(self._revision)}}


def key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """Kind, namespace and name of an object."""
    metadata = obj["metadata"]
    return obj["kind"], metadata.get("namespace") or "", metadata["name"]


def _healthy(release: Manifest) -> Manifest:
    """A RenderedRelease as its controller leaves it when all went well; others stay as they are."""
    if release["kind"] != "RenderedRelease":
        return release
    entries = [_applied(entry) for entry in release["spec"].get("resources") or ()]
    return {**release, "status": {"resources": entries}}


def _applied(entry: Mapping[str, Any]) -> dict[str, Any]:
    obj = entry["object"]
    group, version = gvk.split_api_version(str(obj.get("apiVersion") or ""))
    metadata = obj.get("metadata") or {}
    return {
        "id": entry["id"],
        "group": group,
        "version": version,
        "kind": obj.get("kind", ""),
        "name": metadata.get("name", ""),
        "namespace": metadata.get("namespace", ""),
        "healthStatus": Health.HEALTHY,
    }


class _Unknown:
    """Planes that nobody has asked: reachable, and empty."""

    def check(self, plane: PlaneReference) -> None:
        pass

    async def follow(self, plane: PlaneReference, kinds: Iterable[tuple[str, str]]) -> None:
        pass

    def of_owner(self, plane: PlaneReference, owner: str) -> Sequence[Manifest]:
        return ()

    async def read(
        self, plane: PlaneReference, api_version: str, kind: str, namespace: str, name: str
    ) -> Manifest | None:
        return None

    async def confirm(self, plane: PlaneReference, keys: Iterable[ObjectKey]) -> None:
        """No answer was ever lost."""

    def doubt(self, plane: PlaneReference, manifests: Iterable[Mapping[str, Any]]) -> None:
        """No answer is ever lost."""

    def applied(self, plane: PlaneReference) -> Mapping[ObjectKey, Any]:
        return {}

    def record(
        self, plane: PlaneReference, written: Iterable[tuple[Mapping[str, Any], Manifest]]
    ) -> None:
        pass

    def forget(self, plane: PlaneReference, gone: ObjectKey) -> None:
        pass


_UNKNOWN = _Unknown()
