"""Use cases of secrets: kept on a plane and in its secret store, named by a SecretReference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.api import labels, registry, rest
from choreo_local.errors import (
    BadRequestError,
    InvalidError,
    NotFoundError,
    UnreachableError,
)
from choreo_local.kubeclient.client import KubeClient
from choreo_local.services import kinds, planestores, storedsecrets
from choreo_local.services.base import Objects, Page
from choreo_local.services.cluster import Cluster
from choreo_local.services.planestores import PlaneStores
from choreo_local.services.storedsecrets import StoredSecret

Manifest = dict[str, Any]

_REFERENCE = kinds.BY_KIND["SecretReference"]
_OURS = f"{labels.MANAGED_BY}={labels.MANAGED_BY_API}"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret as somebody asks for it.

    Attributes:
        plane: `kind` and `name` of the plane that shall keep it.
        data: plain texts by key.
    """

    name: str
    type: str
    plane: Mapping[str, str]
    data: Mapping[str, str] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)


class Secrets:
    """Use cases of secrets."""

    def __init__(
        self, client: KubeClient, cluster: Cluster, objects: Objects, stores: PlaneStores
    ) -> None:
        self._client = client
        self._cluster = cluster
        self._objects = objects
        self._stores = stores

    async def page(self, namespace: str, *, limit: int | None, cursor: str) -> Page:
        """Some secrets of a namespace, with their values."""
        found = await self._objects.page(
            _REFERENCE, namespace, limit=limit, cursor=cursor, label_selector=_OURS
        )
        return Page([await self._listed(item) for item in found.items], found.cursor)

    async def get(self, namespace: str, name: str) -> Manifest:
        """One secret, with its values."""
        return await self._shown(await self._stored(namespace, name))

    async def create(self, namespace: str, new: NewSecret) -> Manifest:
        """Store a new secret; what is refused leaves nothing behind."""
        storedsecrets.check_name(new.name)
        storedsecrets.check_type(new.type)
        storedsecrets.check_data(new.type, new.data)
        storedsecrets.check_labels(new.labels)
        _check_plane(new.plane)
        store = await self._stores.find(new.plane, namespace)
        secret = _stored(namespace, new, store.name)
        return await self._shown(
            await planestores.create(self._client, store, secret, label="secret")
        )

    async def update(
        self, namespace: str, name: str, *, data: Mapping[str, str], given: Mapping[str, str]
    ) -> Manifest:
        """Replace the values and the labels of a secret."""
        current = await self._stored(namespace, name)
        kind, plane = _type_of(current), _plane_of(current)
        storedsecrets.check_data(kind, data)
        storedsecrets.check_labels(given)
        store = await self._stores.find(plane, namespace)
        wanted = NewSecret(name, kind, plane, data, given)
        secret = _stored(namespace, wanted, store.name)
        await planestores.write(store.client, secret)
        reference = secret.reference()
        metadata = {**current["metadata"], "labels": reference["metadata"]["labels"]}
        changed = {
            **current,
            "metadata": metadata,
            "spec": {**current["spec"], **reference["spec"]},
        }
        return await self._shown(await self._client.update(registry.SECRET_REFERENCE, changed))

    async def delete(self, namespace: str, name: str) -> None:
        """Remove a secret from the store, the plane and the control plane."""
        current = await self._stored(namespace, name)
        store = await self._stores.find(_plane_of(current), namespace)
        await planestores.remove(store.client, name, _plane_namespace(namespace))
        await self._objects.delete(_REFERENCE, name, namespace)

    async def _stored(self, namespace: str, name: str) -> Manifest:
        found = await self._cluster.get(registry.SECRET_REFERENCE, name, namespace)
        marks = (found["metadata"].get("labels") or {}) if found is not None else {}
        if found is None or marks.get(labels.MANAGED_BY) != labels.MANAGED_BY_API:
            raise NotFoundError("secret not found")
        return found

    async def _listed(self, reference: Manifest) -> Manifest:
        try:
            return await self._shown(reference)
        except (InvalidError, BadRequestError, UnreachableError):
            # One plane that is away must not hide the secrets of all the others.
            return _without_values(reference)

    async def _shown(self, reference: Manifest) -> Manifest:
        metadata = reference["metadata"]
        store = await self._stores.find(_plane_of(reference), metadata["namespace"])
        found = await Cluster(store.client).get(
            storedsecrets.SECRETS, metadata["name"], _plane_namespace(metadata["namespace"])
        )
        return {**_without_values(reference), "data": (found or {}).get("data") or {}}


def _without_values(reference: Manifest) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": rest.shown_metadata(reference["metadata"]),
        "type": _type_of(reference),
    }


def _stored(namespace: str, new: NewSecret, store: str) -> StoredSecret:
    folder = storedsecrets.TYPES[new.type].folder
    return StoredSecret(
        name=new.name,
        namespace=namespace,
        type=new.type,
        plane=new.plane,
        plane_namespace=_plane_namespace(namespace),
        store=store,
        remote_key=storedsecrets.remote_key(namespace, folder, new.name),
        data=new.data,
        marks={**new.labels, labels.MANAGED_BY: labels.MANAGED_BY_API},
    )


def _plane_namespace(namespace: str) -> str:
    return f"openchoreo-kv-{namespace}"


def _type_of(reference: Manifest) -> str:
    template = (reference.get("spec") or {}).get("template") or {}
    return str(template.get("type") or storedsecrets.OPAQUE)


def _plane_of(reference: Manifest) -> Mapping[str, str]:
    plane: Mapping[str, str] = (reference.get("spec") or {}).get("targetPlane") or {}
    _check_plane(plane)
    return plane


def _check_plane(plane: Mapping[str, str]) -> None:
    if plane.get("kind") not in planestores.PLANES:
        raise BadRequestError(f"unsupported targetPlane kind: {plane.get('kind', '')}")
    if not plane.get("name"):
        raise BadRequestError("targetPlane.name is required")
