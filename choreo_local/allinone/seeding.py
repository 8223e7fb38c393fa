"""Fill an instance's cluster with bundles: apply them as its driver wants it, wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from choreo_local.allinone import bundles
from choreo_local.allinone import instance as instances
from choreo_local.allinone.bundles import Bundle
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clusters.driver import ClusterDriver
from choreo_local.clusters.remote import adapted
from choreo_local.errors import NotFoundError, TooManyRequestsError
from choreo_local.kubeclient.client import KubeClient

WAIT_SECONDS = 60
# Among an instance's bundles: the folder of an export, until all of it is applied.
PENDING_EXPORT = "export-pending"
# For what was there before: it may be broken for reasons of its own.
_WAIT_AGAIN_SECONDS = 20
_POLL_SECONDS = 0.05

_DEFINITIONS = ("access", "core", "authz", "dataplane")

Manifests = Sequence[Mapping[str, object]]


def values(record: instances.Instance) -> dict[str, str]:
    """What the tokens in the bundles of an instance stand for."""
    return {
        "GATEWAY_PORT": str(record.ports["gateway"]),
        "OBSERVER_URL": f"http://127.0.0.1:{record.ports['api']}",
    }


def definitions(*, is_remote: bool) -> Sequence[str]:
    """The bundles that come before all else; where others rule, who the planes are comes first."""
    return ("accounts", *_DEFINITIONS) if is_remote else _DEFINITIONS


def manifests(bundle: Bundle, record: instances.Instance, *, is_remote: bool) -> Manifests:
    """What a bundle puts on a cluster."""
    found = bundle.manifests(values(record))
    return adapted(found) if is_remote else found


class Seeder:
    """Applies bundles with all rights; its methods run in any loop.

    Args:
        driver: of the cluster, whose API answers.
    """

    def __init__(self, driver: ClusterDriver) -> None:
        self._driver = driver

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[KubeClient]:
        """A client with all rights, for what comes with the installation."""
        client = (await self._driver.admin()).client()
        try:
            yield client
        finally:
            await client.close()

    async def apply(self, wanted: Manifests) -> None:
        """Apply manifests in order; on a shared cluster only what may be ours."""
        async with self.admin() as client:
            if self._driver.ownership is None:
                await bundles.apply(client, wanted)
            else:
                await self._driver.ownership.apply(client, wanted)

    def owns(self, obj: Mapping[str, Any]) -> bool:
        """Whether an object is this instance's."""
        return self._driver.ownership is None or self._driver.ownership.owns(obj)

    async def wait(self, bundle: Bundle, wanted: Manifests, *, is_new: bool) -> None:
        """Wait until what a bundle promises is true; what was there before may be gone."""
        seconds = WAIT_SECONDS if is_new else _WAIT_AGAIN_SECONDS
        async with self.admin() as client:
            await bundles.wait_for(
                client, bundle, wanted, timeout_seconds=seconds, only_existing=not is_new
            )
            if is_new and self._driver.name != "embedded":
                await _served(client, wanted, timeout_seconds=seconds)


async def _served(client: KubeClient, wanted: Manifests, *, timeout_seconds: float) -> None:
    """Wait until defined kinds can be listed: kube-apiserver calls them established before."""
    deadline = time.monotonic() + timeout_seconds
    for kind in _defined(wanted):
        while True:
            try:
                await client.request_json("GET", kind.path(None), query={"limit": "1"})
                break
            except (NotFoundError, TooManyRequestsError):
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(_POLL_SECONDS)


def _defined(wanted: Manifests) -> Iterator[ResourceKind]:
    """The kinds that some manifests define. Pure."""
    for manifest in wanted:
        if manifest["kind"] == "CustomResourceDefinition":
            spec: Any = manifest["spec"]
            served = next(one["name"] for one in spec["versions"] if one["storage"])
            names = spec["names"]
            yield ResourceKind(spec["group"], served, names["kind"], names["plural"])
