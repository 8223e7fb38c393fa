"""What a cluster that is not ours has, and what we may do there: asked before anything is applied.

Pure: `problems`, `capabilities`, `check_same`. Shell: `take`, `identity`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.clusters.driver import Capability
from choreo_local.errors import (
    ForbiddenError,
    NotFoundError,
    PreflightError,
    RefusedError,
    UnauthorizedError,
)
from choreo_local.kubeclient.client import KubeClient

# Definitions with rules in CEL, and validation that ratchets.
OLDEST = (1, 30)

_DEFINITIONS = ResourceKind(
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    namespaced=False,
)
_NAMESPACES = ResourceKind("", "v1", "Namespace", "namespaces", namespaced=False)
_NODES = ResourceKind("", "v1", "Node", "nodes", namespaced=False)
_CLASSES = ResourceKind("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False)
_GATEWAY_CLASSES = ResourceKind(
    "gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses", namespaced=False
)
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_REVIEWS = ResourceKind(
    "authorization.k8s.io",
    "v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    namespaced=False,
)
# What the installation needs: group, resource, verb. Roles cannot be given by who lacks their
# rights, which is what `bind` and `escalate` are for; an administrator has both.
_NEEDED = (
    ("apiextensions.k8s.io", "customresourcedefinitions", "patch"),
    ("", "namespaces", "patch"),
    ("", "serviceaccounts", "patch"),
    ("", "serviceaccounts/token", "create"),
    ("rbac.authorization.k8s.io", "clusterroles", "escalate"),
    ("rbac.authorization.k8s.io", "clusterroles", "bind"),
    ("rbac.authorization.k8s.io", "clusterrolebindings", "patch"),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", "patch"),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "patch"),
    ("openchoreo.dev", "components", "patch"),
    ("", "secrets", "patch"),
)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What was found.

    Attributes:
        version: of Kubernetes, as the server says it.
        nodes: how many nodes are ready.
        parts: what is installed that the platform could use → its version or owner.
        gateway_class: who serves the class that our Gateways name; empty when there is none.
        denied: what the user of the context may not do, as `verb resource`.
        storage: the default storage class; empty when there is none.
        identity: tells this cluster from all others; empty when it may not be known.
    """

    version: str
    nodes: int
    parts: Mapping[str, str] = field(default_factory=dict)
    gateway_class: str = ""
    denied: Sequence[str] = ()
    storage: str = ""
    identity: str = ""


_PARTS: Mapping[str, str] = {
    "gateway-api": "httproutes.gateway.networking.k8s.io",
    "external-secrets": "externalsecrets.external-secrets.io",
    "cert-manager": "certificates.cert-manager.io",
    "argo-workflows": "workflows.argoproj.io",
    "openchoreo": "components.openchoreo.dev",
}
_VERSIONS = (
    "gateway.networking.k8s.io/bundle-version",
    "app.kubernetes.io/version",
    "controller-gen.kubebuilder.io/version",
)


async def take(client: KubeClient, *, ours: str) -> Inventory:
    """Ask a cluster; with `ours`, the label selector of what we installed, which does not count."""
    version = await client.request_json("GET", "/version")
    definitions = {obj["metadata"]["name"]: obj for obj in (await client.list(_DEFINITIONS)).items}
    mine = {
        obj["metadata"]["name"]
        for obj in (await client.list(_DEFINITIONS, label_selector=ours)).items
    }
    return Inventory(
        version=str(version["gitVersion"]),
        nodes=sum(_is_ready(node) for node in (await client.list(_NODES)).items),
        parts={
            part: _version(definitions[name])
            for part, name in _PARTS.items()
            if name in definitions and name not in mine
        },
        gateway_class=await _gateway_class(client),
        denied=await _denied(client),
        storage=await _storage(client),
        identity=await identity(client),
    )


async def identity(client: KubeClient) -> str:
    """What stays the same wherever a cluster is reached; empty when it may not be read."""
    try:
        found = await client.get(_NAMESPACES, "kube-system")
    except (ForbiddenError, NotFoundError):
        return ""
    return str(found["metadata"]["uid"])


def check_same(found: str, *, known: str, server: str, remedy: str) -> None:
    """RefusedError when a kubeconfig leads to another cluster than it did; not when one is unknown.

    Args:
        found: the identity of the cluster that it leads to.
        known: the identity of the one that the instance is on.
        server: where that one was.
        remedy: what to do next.
    """
    if found and known and found != known:
        raise RefusedError(
            f"the kubeconfig leads to another cluster than the one that this instance is on, "
            f"which was at {server}",
            remedy=remedy,
        )


def _is_ready(node: Mapping[str, Any]) -> bool:
    found = (node.get("status") or {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in found)


def _version(definition: Mapping[str, Any]) -> str:
    metadata = definition["metadata"]
    said = {**(metadata.get("annotations") or {}), **(metadata.get("labels") or {})}
    return next((said[name] for name in _VERSIONS if name in said), "unknown version")


async def _gateway_class(client: KubeClient) -> str:
    try:
        found = await client.get(_GATEWAY_CLASSES, "kgateway")
    except NotFoundError:
        return ""
    return str(found["spec"]["controllerName"])


async def _storage(client: KubeClient) -> str:
    for found in (await client.list(_CLASSES)).items:
        if (found["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
            return str(found["metadata"]["name"])
    return ""


async def _denied(client: KubeClient) -> list[str]:
    if await _may(client, "*", "*", "*"):
        return []
    return [
        f"{verb} {resource}"
        for group, resource, verb in _NEEDED
        if not await _may(client, group, resource, verb)
    ]


async def _may(client: KubeClient, group: str, resource: str, verb: str) -> bool:
    plain, _, subresource = resource.partition("/")
    attributes = {"group": group, "resource": plain, "subresource": subresource, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = await client.request_json("POST", _REVIEWS.path(None), body=review)
    return bool(answer["status"].get("allowed"))


def check(found: Inventory) -> None:
    """Raise PreflightError when the platform cannot be installed there. Pure."""
    parsed = re.match(r"v?(\d+)\.(\d+)", found.version)
    if parsed is None or (int(parsed[1]), int(parsed[2])) < OLDEST:
        raise PreflightError(
            f"cannot use this cluster: it runs Kubernetes {found.version}, and choreo needs "
            f"{'.'.join(map(str, OLDEST))} or newer",
            remedy="Upgrade the cluster, or choose another one",
        )
    if found.denied:
        raise PreflightError(
            "cannot install on this cluster: the user of the context may not "
            f"{', '.join(found.denied)}",
            remedy="Choose a context with an administrator's rights: --context NAME",
        )


def lines(found: Inventory) -> list[str]:
    """The inventory in words, a line each. Pure."""
    nodes = f"{found.nodes} ready" if found.nodes else "none is ready; pods stay pending"
    parts = ", ".join(f"{part} ({version})" for part, version in found.parts.items())
    return [
        f"Kubernetes {found.version}",
        f"nodes: {nodes}",
        f"installed by others: {parts or 'nothing that the platform could use'}",
        f"default storage class: {found.storage or 'none'}",
    ]


def capabilities(found: Inventory) -> list[Capability]:
    """What the cluster itself can do. Pure."""
    unknown = "up to the network of the cluster; choreo has not tried"
    return [
        Capability("pods", bool(found.nodes), "" if found.nodes else "no node is ready"),
        Capability("network-policy", available=False, reason=unknown),
        Capability(
            "volumes",
            bool(found.storage),
            (found.storage and f"storage class {found.storage}") or "no default storage class",
        ),
    ]


async def reachable(client: KubeClient) -> None:
    """Raise PreflightError when the user of the context cannot even look."""
    try:
        await client.request_json("GET", "/version")
        await client.list(_DEFINITIONS)
    except (ForbiddenError, UnauthorizedError) as error:
        raise PreflightError(
            f"cannot look at this cluster: {error.message}",
            remedy="Choose a context with an administrator's rights: --context NAME",
        ) from error
