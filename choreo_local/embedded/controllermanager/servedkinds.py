"""Every kind that the kube API serves, custom ones from the moment they are established."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind, split_api_version
from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.plans import Manifest
from choreo_local.kubeclient.client import KubeClient

OnServed = Callable[[ResourceKind], None]

_NEEDED_VERBS = frozenset({"list", "watch", "delete"})


class ServedKinds:
    """One version of each kind whose objects can be listed, watched and deleted."""

    def __init__(self, client: KubeClient, informers: SharedInformers) -> None:
        self._client = client
        self._definitions = informers.of(kinds.CUSTOM_RESOURCE_DEFINITIONS)
        self._builtin: set[ResourceKind] = set()
        self._custom: dict[str, ResourceKind] = {}
        self._appear: list[OnServed] = []
        self._vanish: list[OnServed] = []
        self.loaded = asyncio.Event()

    @property
    def all(self) -> list[ResourceKind]:
        """All kinds, those of every namespace last."""
        found = [*self._builtin, *self._custom.values()]
        return sorted(found, key=lambda kind: (kind.namespaced, kind.group, kind.plural))

    def add_callbacks(self, appear: OnServed, vanish: OnServed) -> None:
        """Tell of kinds that appear (those known already at once) and vanish."""
        self._appear.append(appear)
        self._vanish.append(vanish)
        for kind in self.all:
            appear(kind)

    async def load(self) -> None:
        """Learn the builtin kinds, then follow the definitions of custom ones."""
        custom_groups = {each["spec"]["group"] for each in self._definitions.list()}
        for api_version in await self._group_versions():
            if split_api_version(api_version)[0] not in custom_groups:
                for kind in await self._kinds_of(api_version):
                    self._builtin.add(kind)
                    _tell(self._appear, kind)
        self._definitions.add_callback(self._definition_changed)
        self.loaded.set()

    async def _group_versions(self) -> list[str]:
        await self._definitions.synced.wait()
        groups = await self._client.request_json("GET", "/apis")
        preferred = [each["preferredVersion"]["groupVersion"] for each in groups["groups"]]
        return ["v1", *preferred]

    async def _kinds_of(self, api_version: str) -> Iterable[ResourceKind]:
        group, version = split_api_version(api_version)
        path = f"/apis/{api_version}" if group else f"/api/{version}"
        document = await self._client.request_json("GET", path)
        return [
            ResourceKind(group, version, each["kind"], each["name"], bool(each["namespaced"]))
            for each in document["resources"]
            if "/" not in each["name"] and set(each["verbs"]) >= _NEEDED_VERBS
        ]

    def _definition_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        name = (new or old or {})["metadata"]["name"]
        before = self._custom.get(name)
        now = custom_kind(new) if new is not None else None
        if before == now:
            return
        if before is not None:
            del self._custom[name]
            _tell(self._vanish, before)
        if now is not None:
            self._custom[name] = now
            _tell(self._appear, now)


def custom_kind(definition: Mapping[str, Any]) -> ResourceKind | None:
    """The kind of an established definition, in the version that it stores if that is served."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    if not any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
        return None
    spec = definition["spec"]
    served = [each for each in spec["versions"] if each.get("served")]
    if not served:
        return None
    chosen = next((each for each in served if each.get("storage")), served[0])
    names = spec["names"]
    return ResourceKind(
        spec["group"],
        chosen["name"],
        names["kind"],
        names["plural"],
        namespaced=spec["scope"] == "Namespaced",
    )


def _tell(callbacks: Iterable[OnServed], kind: ResourceKind) -> None:
    for each in callbacks:
        each(kind)
