"""The secret stores of the planes: write secrets to one, read them there, remove them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels, registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import AlreadyExistsError, BadRequestError, InvalidError, NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.services import kinds, storedsecrets
from choreo_local.services.cluster import Cluster
from choreo_local.services.live import Live
from choreo_local.services.storedsecrets import StoredSecret

Manifest = dict[str, Any]

WORKFLOW_PLANES: Mapping[str, ResourceKind] = {
    kind.kind: kind for kind in (registry.WORKFLOW_PLANE, registry.CLUSTER_WORKFLOW_PLANE)
}
PLANES: Mapping[str, ResourceKind] = {
    **WORKFLOW_PLANES,
    **{kind.kind: kind for kind in (registry.DATA_PLANE, registry.CLUSTER_DATA_PLANE)},
}


@dataclass(frozen=True, slots=True)
class PlaneStore:
    """The secret store of a plane.

    Attributes:
        name: of the ClusterSecretStore.
    """

    client: KubeClient
    name: str


class PlaneStores:
    """Finds the stores of planes and works with them."""

    def __init__(self, cluster: Cluster, live: Live) -> None:
        self._cluster = cluster
        self._live = live

    async def find(self, reference: Mapping[str, str], namespace: str) -> PlaneStore:
        """The store of a plane.

        Raises:
            InvalidError: there is no such plane.
            BadRequestError: it has no secret store.
            UnreachableError: nothing connects us with it.
        """
        plane = await self._cluster.get(PLANES[reference["kind"]], reference["name"], namespace)
        if plane is None:
            raise InvalidError("target plane not found")
        store = ((plane.get("spec") or {}).get("secretStoreRef") or {}).get("name")
        if not store:
            raise BadRequestError("secret store is not configured on the target plane")
        return PlaneStore(self._live.client_of(plane), str(store))


async def create(
    client: KubeClient, store: PlaneStore, secret: StoredSecret, *, label: str
) -> Manifest:
    """Store a new secret; its SecretReference.

    The control plane is asked first, so that what it refuses leaves nothing on the plane.

    Raises:
        AlreadyExistsError: the name is taken.
        InvalidError: the control plane refuses the reference.
    """
    reference = secret.reference()
    try:
        await client.create(registry.SECRET_REFERENCE, reference, dry_run=True)
        await write(store.client, secret)
        return await client.create(registry.SECRET_REFERENCE, reference)
    except AlreadyExistsError as error:
        raise AlreadyExistsError(f"{label} already exists") from error


async def write(client: KubeClient, secret: StoredSecret) -> None:
    """Bring a secret to a plane and to its store."""
    await _ensure_namespace(client, secret)
    await _replace(client, storedsecrets.SECRETS, secret.secret())
    await _replace(client, storedsecrets.PUSH_SECRETS, secret.push_secret())


async def remove(client: KubeClient, name: str, namespace: str) -> None:
    """Take a secret from a plane; what brought it to the store takes it away there."""
    for kind in (storedsecrets.PUSH_SECRETS, storedsecrets.SECRETS):
        try:
            await client.delete(kind, name, namespace)
        except NotFoundError:
            continue


async def _ensure_namespace(client: KubeClient, secret: StoredSecret) -> None:
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": secret.plane_namespace,
            "labels": {labels.CREATED_BY: labels.MANAGED_BY_API},
        },
    }
    try:
        await client.create(kinds.NAMESPACE, namespace)
    except AlreadyExistsError:
        return


async def _replace(client: KubeClient, kind: ResourceKind, obj: Manifest) -> None:
    # An update, not an apply: keys that are gone must go, whoever wrote them.
    metadata = obj["metadata"]
    try:
        current = await client.get(kind, metadata["name"], metadata["namespace"])
    except NotFoundError:
        await client.create(kind, obj)
        return
    kept = {**current["metadata"], **metadata}
    await client.update(kind, {**current, **obj, "metadata": kept})
