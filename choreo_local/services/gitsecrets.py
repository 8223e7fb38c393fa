"""Use cases of git secrets: credentials with which workflows of a namespace read repositories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.api import labels, registry
from choreo_local.errors import (
    BadRequestError,
    InvalidError,
    NotFoundError,
)
from choreo_local.kubeclient.client import KubeClient
from choreo_local.services import kinds, planestores, storedsecrets
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster
from choreo_local.services.planestores import PlaneStores
from choreo_local.services.storedsecrets import StoredSecret

Manifest = dict[str, Any]

_REFERENCE = kinds.BY_KIND["SecretReference"]
_BASIC_AUTH = "basic-auth"
_SSH_AUTH = "ssh-auth"
_FOLDER = "git"


@dataclass(frozen=True, slots=True)
class NewGitSecret:
    """Credentials as somebody gives them; empty texts are not given."""

    name: str
    type: str
    plane_kind: str
    plane_name: str
    username: str = ""
    token: str = field(default="", repr=False)
    ssh_key: str = field(default="", repr=False)
    ssh_key_id: str = ""


class GitSecrets:
    """Use cases of git secrets."""

    def __init__(
        self, client: KubeClient, cluster: Cluster, objects: Objects, stores: PlaneStores
    ) -> None:
        self._client = client
        self._cluster = cluster
        self._objects = objects
        self._stores = stores

    async def list(self, namespace: str) -> list[Manifest]:
        """All git secrets of a namespace, without their values."""
        marks = {labels.SECRET_TYPE: labels.SECRET_TYPE_GIT}
        found = await self._cluster.list(registry.SECRET_REFERENCE, namespace, labels=marks)
        return [_shown(reference) for reference in found]

    async def create(self, namespace: str, new: NewGitSecret) -> Manifest:
        """Store credentials on a workflow plane and in its secret store."""
        data = values(new)
        if new.plane_kind not in planestores.WORKFLOW_PLANES:
            raise BadRequestError(f"unsupported workflow plane kind: {new.plane_kind}")
        if not new.plane_name:
            raise BadRequestError("workflowPlaneName is required")
        storedsecrets.check_name(new.name)
        plane = {"kind": new.plane_kind, "name": new.plane_name}
        try:
            store = await self._stores.find(plane, namespace)
        except InvalidError:
            raise BadRequestError("workflow plane not found") from None
        secret = _stored(namespace, new, data, store.name)
        return _shown(await planestores.create(self._client, store, secret, label="git secret"))

    async def delete(self, namespace: str, name: str) -> None:
        """Remove credentials from the store, the plane and the control plane."""
        found = await self._cluster.get(registry.SECRET_REFERENCE, name, namespace)
        marks = _marks(found) if found is not None else {}
        if marks.get(labels.SECRET_TYPE) != labels.SECRET_TYPE_GIT:
            raise NotFoundError("git secret not found")
        plane = {
            "kind": marks.get(labels.WORKFLOW_PLANE_KIND, ""),
            "name": marks.get(labels.WORKFLOW_PLANE_NAME, ""),
        }
        if plane["kind"] in planestores.WORKFLOW_PLANES:
            store = await self._stores.find(plane, namespace)
            await planestores.remove(store.client, name, _plane_namespace(namespace))
        await self._objects.delete(_REFERENCE, name, namespace)


def values(new: NewGitSecret) -> dict[str, str]:
    """The data of the Secret; BadRequestError when the type does not have what it needs."""
    if new.type == _BASIC_AUTH:
        if not new.token:
            raise BadRequestError("token is required for basic-auth type")
        return {"password": new.token} | ({"username": new.username} if new.username else {})
    if new.type == _SSH_AUTH:
        if not new.ssh_key:
            raise BadRequestError("sshKey is required for ssh-auth type")
        key_id = {"ssh-key-id": new.ssh_key_id} if new.ssh_key_id else {}
        return {"ssh-privatekey": new.ssh_key} | key_id
    raise BadRequestError(f"unsupported secret type: {new.type}")


def _stored(namespace: str, new: NewGitSecret, data: Mapping[str, str], store: str) -> StoredSecret:
    return StoredSecret(
        name=new.name,
        namespace=namespace,
        type=f"kubernetes.io/{new.type}",
        plane={"kind": new.plane_kind, "name": new.plane_name},
        plane_namespace=_plane_namespace(namespace),
        store=store,
        remote_key=storedsecrets.remote_key(namespace, _FOLDER, new.name),
        data=data,
        marks={
            labels.SECRET_TYPE: labels.SECRET_TYPE_GIT,
            labels.KUBERNETES_SECRET_TYPE: new.type,
            labels.WORKFLOW_PLANE_KIND: new.plane_kind,
            labels.WORKFLOW_PLANE_NAME: new.plane_name,
        },
    )


def _plane_namespace(namespace: str) -> str:
    return f"workflows-{namespace}"


def _shown(reference: Manifest) -> Manifest:
    metadata, marks = reference["metadata"], _marks(reference)
    return {
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "workflowPlaneKind": marks.get(labels.WORKFLOW_PLANE_KIND, ""),
        "workflowPlaneName": marks.get(labels.WORKFLOW_PLANE_NAME, ""),
    }


def _marks(reference: Manifest) -> Mapping[str, str]:
    marks: Mapping[str, str] = reference["metadata"].get("labels") or {}
    return marks
