"""Informers of custom kinds, from the moment they are served."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import Manifest
from choreo_local.kubeclient.watcher import Informer, OnChange

_DEFINITIONS = ResourceKind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)


class InformerSource(Protocol):
    """Shares one informer a kind among all parts of the cluster."""

    def of(self, kind: ResourceKind) -> Informer: ...


class AppearingKinds:
    """Follows each kind as soon as it is served; `informer` is None before that."""

    def __init__(
        self,
        client: KubeClient,
        informers: InformerSource,
        wanted: Mapping[ResourceKind, OnChange],
    ) -> None:
        self._client = client
        self._informers = informers
        self._missing = dict(wanted)
        self._followed: dict[ResourceKind, Informer] = {}
        self._changed = asyncio.Event()

    def informer(self, kind: ResourceKind) -> Informer | None:
        """The informer of a kind that is served."""
        return self._followed.get(kind)

    async def run(self) -> None:
        """Look for the kinds until cancelled."""
        self._informers.of(_DEFINITIONS).add_callback(self._definition_changed)
        while True:
            self._changed.clear()
            for kind, on_change in list(self._missing.items()):
                try:
                    await self._client.resolve(kind.api_version, kind.kind)
                except NotFoundError:
                    continue
                del self._missing[kind]
                informer = self._followed[kind] = self._informers.of(kind)
                informer.add_callback(on_change)
            await self._changed.wait()

    def _definition_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None and self._missing:
            self._changed.set()
