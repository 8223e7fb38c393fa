"""What a person calls a kind → the kind, and which of our two APIs serves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import UsageError

if TYPE_CHECKING:
    from choreo_local.kubeclient.client import KubeClient

# The OpenChoreo API has no paths for these: what controllers make for themselves.
_NOT_IN_API = frozenset({"RenderedRelease", "ObservabilityAlertRule"})


def of_api(name: str) -> registry.ApiKind | None:
    """The kind of the OpenChoreo API that a name means; None when it is another API's."""
    found = registry.find(name)
    return found if found is not None and found.kind not in _NOT_IN_API else None


async def of_kube(client: KubeClient, name: str) -> ResourceKind:
    """The kind that a name means to the kube API: plural, singular, short name or kind."""
    wanted, _, group = name.lower().partition(".")
    for entry in await _resources(client):
        kind: ResourceKind = entry["kind"]
        names = {kind.plural, kind.kind.lower(), *entry["names"]}
        if wanted in names and group in ("", kind.group):
            return kind
    raise UsageError(f'unknown kind "{name}"', remedy="List all kinds with: kubectl api-resources")


async def _resources(client: KubeClient) -> list[dict[str, Any]]:
    from choreo_local.kubeclient.client import decode

    found = []
    for path in ("/api", "/apis"):
        response = await client.transport.request("GET", path, headers={"Accept": _AGGREGATED})
        found += _entries(decode(response))
    return found


_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def _entries(groups: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "kind": ResourceKind(
                group=group["metadata"].get("name", ""),
                version=version["version"],
                kind=entry["responseKind"]["kind"],
                plural=entry["resource"],
                namespaced=entry["scope"] == "Namespaced",
            ),
            "names": [entry.get("singularResource", ""), *entry.get("shortNames", ())],
        }
        for group in groups.get("items", ())
        for version in group["versions"]
        for entry in version.get("resources", ())
    ]
