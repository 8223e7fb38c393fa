"""What commands do with objects of OpenChoreo: all of it over the OpenChoreo API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from choreo_local.api import registry
from choreo_local.cli import targets
from choreo_local.errors import NotFoundError

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient

Manifest = dict[str, Any]


def place(kind: registry.ApiKind, namespace: str) -> str | None:
    """The namespace of an object; None where its kind lives in none."""
    return namespace if kind.resource.namespaced else None


async def read(client: ApiClient, kind: registry.ApiKind, name: str, namespace: str) -> Manifest:
    """One object; the error that it is missing says where to look."""
    where = place(kind, namespace)
    try:
        return _whole(kind, await client.get(kind.resource, name, where))
    except NotFoundError:
        raise targets.absent(kind.kind, name, where) from None


async def read_all(
    client: ApiClient,
    kind: registry.ApiKind,
    namespace: str | None,
    *,
    selector: str = "",
    filters: Mapping[str, str] | None = None,
) -> list[Manifest]:
    """The objects of a kind that the caller may see; of all namespaces when none is given."""
    places: list[str | None] = [namespace if kind.resource.namespaced else None]
    if kind.resource.namespaced and namespace is None:
        found = await client.list(registry.NAMESPACE)
        places = sorted(entry["metadata"]["name"] for entry in found)
    return [
        _whole(kind, obj)
        for where in places
        for obj in await client.list(kind.resource, where, label_selector=selector, filters=filters)
    ]


async def delete(client: ApiClient, kind: registry.ApiKind, name: str, namespace: str) -> None:
    """Delete one object; the error that it is missing says where to look."""
    where = place(kind, namespace)
    try:
        await client.delete(kind.resource, name, where)
    except NotFoundError:
        raise targets.absent(kind.kind, name, where) from None


def _whole(kind: registry.ApiKind, obj: Manifest) -> Manifest:
    """With kind and version, which the API leaves out of namespaces."""
    return {"apiVersion": kind.resource.api_version, "kind": kind.kind, **obj}
