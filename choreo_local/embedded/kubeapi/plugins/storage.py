"""What admission does to claims, volumes and nodes: protection, classes, growth, first taint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubeapi import problems, quantity
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


def _requested(claim: Manifest) -> int:
    found = (claim["spec"].get("resources") or {}).get("requests") or {}
    return quantity.parse(str(found.get("storage", "0"))).nanos


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
        """Refuse to grow claims whose class does not let them."""
        call, new, old = attributes.call, attributes.new, attributes.old
        if call.collection.kind.group_resource != "persistentvolumeclaims" or call.subresource:
            return
        if new is None or old is None or _requested(new) <= _requested(old):
            return
        why = ""
        if (old.get("status") or {}).get("phase") != "Bound":
            why = "Only bound persistent volume claims can be expanded"
        elif not self._may_grow(old):
            why = (
                "only dynamically provisioned pvc can be resized and the storageclass that"
                " provisions the pvc must support resize"
            )
        if why:
            raise problems.forbidden(call.collection.kind, attributes.name, why)

    def _may_grow(self, claim: Manifest) -> bool:
        stored = self._store.get(_STORAGE_CLASSES, claim["spec"].get("storageClassName") or "")
        return stored is not None and bool(stored.object.get("allowVolumeExpansion"))

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
