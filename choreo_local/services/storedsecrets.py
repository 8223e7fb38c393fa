"""Secrets that the API keeps in the secret store of a plane: their types, keys and objects; pure.

A stored secret is three objects: a Secret on the plane, a PushSecret beside it that brings its
values to the plane's secret store, and a SecretReference in the control plane, by which components
and workflows name it.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from choreo_local.api import labels
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import BadRequestError

Manifest = dict[str, Any]

SECRETS = ResourceKind("", "v1", "Secret", "secrets")
PUSH_SECRETS = ResourceKind("external-secrets.io", "v1alpha1", "PushSecret", "pushsecrets")

OPAQUE: Final = "Opaque"
BASIC_AUTH: Final = "kubernetes.io/basic-auth"
SSH_AUTH: Final = "kubernetes.io/ssh-auth"

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class _Type:
    """A type of Secret: the folder of the store for it, and the keys it cannot do without."""

    folder: str
    keys: tuple[str, ...] = ()


TYPES: Mapping[str, _Type] = MappingProxyType(
    {
        OPAQUE: _Type("generic"),
        BASIC_AUTH: _Type("basic-auth", ("password",)),
        SSH_AUTH: _Type("ssh-auth", ("ssh-privatekey",)),
        "kubernetes.io/dockerconfigjson": _Type("registry", (".dockerconfigjson",)),
        "kubernetes.io/tls": _Type("tls", ("tls.crt", "tls.key")),
    }
)


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A secret to be stored.

    Attributes:
        namespace: of the SecretReference, in the control plane.
        plane_namespace: of the Secret and the PushSecret, on the plane.
        store: name of the plane's ClusterSecretStore.
        remote_key: where the store keeps the values.
        marks: labels of the SecretReference.
    """

    name: str
    namespace: str
    type: str
    plane: Mapping[str, str]
    plane_namespace: str
    store: str
    remote_key: str
    data: Mapping[str, str]
    marks: Mapping[str, str]

    def secret(self) -> Manifest:
        """The Secret on the plane."""
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": self._plane_metadata(),
            "type": self.type,
            "data": encoded(self.data),
        }

    def push_secret(self) -> Manifest:
        """What brings its values to the store, and takes them away with it."""
        matches = [
            {
                "match": {
                    "secretKey": key,
                    "remoteRef": {"remoteKey": self.remote_key, "property": key},
                }
            }
            for key in sorted(self.data)
        ]
        return {
            "apiVersion": "external-secrets.io/v1alpha1",
            "kind": "PushSecret",
            "metadata": self._plane_metadata(),
            "spec": {
                "updatePolicy": "Replace",
                "deletionPolicy": "Delete",
                "refreshInterval": "1h",
                "secretStoreRefs": [{"name": self.store, "kind": "ClusterSecretStore"}],
                "selector": {"secret": {"name": self.name}},
                "data": matches,
            },
        }

    def reference(self) -> Manifest:
        """What the control plane knows of it."""
        return {
            "apiVersion": labels.API_VERSION,
            "kind": "SecretReference",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": dict(self.marks),
            },
            "spec": {
                "template": {"type": self.type},
                "targetPlane": dict(self.plane),
                "data": [
                    {
                        "secretKey": key,
                        "remoteRef": {"key": self.remote_key, "property": key},
                    }
                    for key in sorted(self.data)
                ],
            },
        }

    def _plane_metadata(self) -> Manifest:
        return {
            "name": self.name,
            "namespace": self.plane_namespace,
            "labels": {
                labels.MANAGED_BY: labels.MANAGED_BY_API,
                labels.NAMESPACE: self.namespace,
            },
        }


def encoded(data: Mapping[str, str]) -> dict[str, str]:
    """Plain texts as the `data` of a Secret."""
    return {key: base64.b64encode(text.encode()).decode() for key, text in sorted(data.items())}


def remote_key(namespace: str, folder: str, name: str) -> str:
    """Where the store keeps a secret of a namespace."""
    return f"secret/{namespace}/{folder}/{name}"


def check_name(name: str) -> None:
    """BadRequestError unless `name` can be the name of an object."""
    if not name:
        raise BadRequestError("secretName is required")
    if _NAME.fullmatch(name) is None:
        raise BadRequestError(f'secretName "{name}" must be a lowercase RFC 1123 subdomain')


def check_type(kind: str) -> None:
    """BadRequestError unless there is such a type."""
    if kind not in TYPES:
        raise BadRequestError(f"unsupported secretType: {kind}")


def check_data(kind: str, data: Mapping[str, str]) -> None:
    """BadRequestError unless a secret of a type has the keys it cannot do without."""
    if not data:
        raise BadRequestError("data is required")
    missing = next((key for key in TYPES[kind].keys if not data.get(key)), "")
    if missing:
        raise BadRequestError(f'data key "{missing}" is required for secretType {kind}')


_CATEGORIES = frozenset({labels.SECRET_TYPE_GENERIC, labels.SECRET_TYPE_GIT})


def check_labels(given: Mapping[str, str]) -> None:
    """BadRequestError where somebody sets labels that are ours to set."""
    ours = {key for key in given if key.startswith(labels.PREFIX)}
    if given.get(labels.SECRET_TYPE) in _CATEGORIES:
        # Upstream's client says so what the secret is for.
        ours.discard(labels.SECRET_TYPE)
    reserved = min(ours, default="")
    if reserved:
        raise BadRequestError(f'label "{reserved}" is reserved')
