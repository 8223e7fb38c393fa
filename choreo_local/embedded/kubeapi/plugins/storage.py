"""What admission adds to claims, volumes and nodes: protection, default class, first taint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.storage.store import Store

_PROTECTION = {
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "persistentvolumes": "kubernetes.io/pv-protection",
}
_STORAGE_CLASSES = "storageclasses.storage.k8s.io"
_IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_INGRESS_CLASSES = "ingressclasses.networking.k8s.io"
_IS_DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
_NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


class StorageDefaults:
    """Completes claims, volumes, ingresses and nodes.

    Args:
        store: where classes are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> None:
        """Complete a new object."""
        obj = attributes.new
        if attributes.operation != "CREATE" or obj is None or attributes.call.subresource:
            return
        resource = attributes.call.collection.kind.group_resource
        protection = _PROTECTION.get(resource)
        if protection:
            finalizers = obj["metadata"].setdefault("finalizers", [])
            if protection not in finalizers:
                finalizers.append(protection)
        if resource == "persistentvolumeclaims":
            self._set_class(obj, "storageClassName", _STORAGE_CLASSES, _IS_DEFAULT)
        elif resource == "ingresses.networking.k8s.io":
            self._set_class(obj, "ingressClassName", _INGRESS_CLASSES, _IS_DEFAULT_INGRESS)
        elif resource == "nodes":
            taints = obj.setdefault("spec", {}).setdefault("taints", [])
            if not any(_is_same_taint(taint) for taint in taints):
                taints.append(dict(_NOT_READY))

    def validate(self, attributes: Attributes) -> None:
        """Nothing to refuse."""

    def _set_class(self, obj: Manifest, field: str, resource: str, annotation: str) -> None:
        spec = obj.setdefault("spec", {})
        if field in spec:
            return
        found = [
            stored
            for stored in self._store.select(resource)
            if (stored.object["metadata"].get("annotations") or {}).get(annotation) == "true"
        ]
        if found:
            # The newest wins, then the first by name.
            newest = max(stored.object["metadata"]["creationTimestamp"] for stored in found)
            spec[field] = next(
                stored.name
                for stored in found
                if stored.object["metadata"]["creationTimestamp"] == newest
            )


def _is_same_taint(taint: Mapping[str, Any]) -> bool:
    return all(taint.get(key) == value for key, value in _NOT_READY.items())
