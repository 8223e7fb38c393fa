"""A Kubernetes API as the use cases read it: what is not there is None, not an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.interfaces import Reader

Manifest = dict[str, Any]

# What can stand in the path of a request without changing its meaning. The names that clusters
# allow are fewer; names of roles hold colons.
_PATH_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,252}")


def is_name(text: str | None) -> bool:
    """Whether `text` can be the name of an object at all."""
    return text is not None and _PATH_SEGMENT.fullmatch(text) is not None


def owner_of(obj: Mapping[str, Any], field: str) -> str:
    """A name below `spec.owner`; "" where it is missing, for even `spec` may be."""
    owner = (obj.get("spec") or {}).get("owner") or {}
    return str(owner.get(field) or "")


class Cluster:
    """Reads objects; names come from users and are never trusted."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def get(
        self, kind: ResourceKind, name: str, namespace: str | None = None
    ) -> Manifest | None:
        """An object, or None when there is none."""
        if not is_name(name) or not (namespace is None or is_name(namespace)):
            return None
        try:
            return await self._reader.get(kind, name, namespace if kind.namespaced else None)
        except NotFoundError:
            return None

    async def need(self, kind: ResourceKind, name: str, namespace: str | None = None) -> Manifest:
        """An object; NotFoundError names it when there is none."""
        found = await self.get(kind, name, namespace)
        if found is None:
            raise NotFoundError(f'{kind.kind} "{name}" not found')
        return found

    async def list(
        self,
        kind: ResourceKind,
        namespace: str | None = None,
        *,
        labels: Mapping[str, str] | None = None,
        field_selector: str = "",
    ) -> list[Manifest]:
        """All objects of a kind that carry these labels."""
        if namespace is not None and not is_name(namespace):
            return []
        selector = ",".join(f"{key}={value}" for key, value in (labels or {}).items())
        found = await self._reader.list(
            kind,
            namespace if kind.namespaced else None,
            label_selector=selector,
            field_selector=field_selector,
        )
        return found.items
