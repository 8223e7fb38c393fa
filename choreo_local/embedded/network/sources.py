"""Informers of kinds, some of which appear later as custom resources."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.network import kinds
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.kubeclient.watcher import Informer, OnChange


class InformerSource(Protocol):
    """Shares one informer a kind among all parts of the cluster."""

    def of(self, kind: ResourceKind) -> Informer: ...


class Sources:
    """Follows kinds from the moment they are served; what is not served reads as empty.

    Args:
        on_change: told of every change of any of the kinds.
    """

    def __init__(
        self,
        client: KubeClient,
        informers: InformerSource,
        wanted: Iterable[ResourceKind],
        on_change: OnChange,
    ) -> None:
        self._client = client
        self._informers = informers
        self._missing = list(wanted)
        self._on_change = on_change
        self._followed: dict[ResourceKind, Informer] = {}
        self._appeared = asyncio.Event()

    async def run(self) -> None:
        """Begin to follow kinds as they appear, until cancelled."""
        definitions = self._informers.of(kinds.CUSTOM_RESOURCE_DEFINITIONS)
        definitions.add_callback(self._definition_changed)
        while True:
            self._appeared.clear()
            for kind in list(self._missing):
                if await self._is_served(kind):
                    self._follow(kind)
            await self._appeared.wait()

    def _definition_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None and self._missing:
            self._appeared.set()

    async def _is_served(self, kind: ResourceKind) -> bool:
        try:
            await self._client.resolve(kind.api_version, kind.kind)
        except NotFoundError:
            return False
        return True

    def _follow(self, kind: ResourceKind) -> None:
        self._missing.remove(kind)
        informer = self._followed[kind] = self._informers.of(kind)
        informer.add_callback(self._on_change)

    @property
    def synced(self) -> bool:
        """Whether all kinds that are served have been listed."""
        return all(informer.synced.is_set() for informer in self._followed.values())

    def list(self, kind: ResourceKind) -> list[Manifest]:
        """All objects of a kind that are known."""
        informer = self._followed.get(kind)
        return list(informer.list()) if informer else []
