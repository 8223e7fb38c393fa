"""Typed access to plain dict objects, and the key that finds one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Name and namespace of an object; the namespace of a cluster-scoped one is empty."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """`namespace/name`, or only the name: the form of messages and work queues."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key(obj: Mapping[str, Any]) -> ObjectKey:
    """The key of an object."""
    return ObjectKey(namespace(obj), name(obj))


def gvk(obj: Mapping[str, Any]) -> GroupVersionKind:
    """What `apiVersion` and `kind` of an object say."""
    group, version = split_api_version(str(obj.get("apiVersion") or ""))
    return GroupVersionKind(group, version, str(obj.get("kind") or ""))


def metadata(obj: Mapping[str, Any]) -> Mapping[str, Any]:
    """The metadata; empty when there are none."""
    found = obj.get("metadata")
    return found if isinstance(found, Mapping) else {}


def name(obj: Mapping[str, Any]) -> str:
    """The name, or an empty text."""
    return str(metadata(obj).get("name") or "")


def namespace(obj: Mapping[str, Any]) -> str:
    """The namespace, or an empty text."""
    return str(metadata(obj).get("namespace") or "")


def uid(obj: Mapping[str, Any]) -> str:
    """The uid, or an empty text."""
    return str(metadata(obj).get("uid") or "")


def resource_version(obj: Mapping[str, Any]) -> str:
    """The resource version, or an empty text."""
    return str(metadata(obj).get("resourceVersion") or "")


def generation(obj: Mapping[str, Any]) -> int:
    """The generation, or 0."""
    return int(metadata(obj).get("generation") or 0)


def labels_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """The labels; empty when there are none."""
    return metadata(obj).get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """The annotations; empty when there are none."""
    return metadata(obj).get("annotations") or {}


def nested(obj: Any, *path: str) -> Any:
    """The value below nested objects; None where a step is missing or no object."""
    for step in path:
        if not isinstance(obj, Mapping):
            return None
        obj = obj.get(step)
    return obj


def nested_list(obj: Any, *path: str) -> Sequence[Any]:
    """The list below nested objects; empty where there is none."""
    found = nested(obj, *path)
    return found if isinstance(found, list) else ()


def nested_map(obj: Any, *path: str) -> Mapping[str, Any]:
    """The object below nested objects; empty where there is none."""
    found = nested(obj, *path)
    return found if isinstance(found, Mapping) else {}
