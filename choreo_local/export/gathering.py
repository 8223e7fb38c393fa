"""Read everything that an export is made of from a running instance.

Over its Kubernetes API, as its owner: the HTTP API serves neither gateways nor pods nor claims of
volumes, hides the values of secrets, and shows its kinds in another form than files have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from choreo_local.admission import storing
from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import NotFoundError
from choreo_local.export.state import Manifest, State
from choreo_local.kubeclient.interfaces import ObjectList

_OTHERS = (
    registry.NAMESPACE,
    ResourceKind("", "v1", "Secret", "secrets"),
    ResourceKind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
    ResourceKind("", "v1", "Pod", "pods"),
    ResourceKind("gateway.networking.k8s.io", "v1", "Gateway", "gateways"),
)


class Lister(Protocol):
    """What can be asked for all objects of a kind."""

    async def list(self, kind: ResourceKind, namespace: str | None = None) -> ObjectList: ...


async def gather(
    client: Lister,
    *,
    defaults: Sequence[Manifest],
    ports: Mapping[str, int],
    folders: Sequence[str],
    settings: Sequence[str],
) -> State:
    """The instance as it is; objects that are being deleted are gone already.

    Args:
        client: of the instance's Kubernetes API.
        defaults: manifests that every installation has by itself.
        ports: purpose → port of this machine.
        folders: paths of this machine that objects may speak of.
        settings: names of the files in which this instance is told whom to trust.
    """
    kinds = [*(entry.resource for entry in registry.KINDS.values()), *_OTHERS]
    lists = await asyncio.gather(*(_listed(client, kind) for kind in kinds))
    return State(
        objects=[obj for found in lists for obj in found],
        defaults=[storing.stored(manifest) for manifest in defaults],
        ports=ports,
        folders=folders,
        settings=settings,
    )


async def _listed(client: Lister, kind: ResourceKind) -> list[dict[str, Any]]:
    try:
        found = await client.list(kind)
    except NotFoundError:
        return []
    return [obj for obj in found.items if not obj["metadata"].get("deletionTimestamp")]
