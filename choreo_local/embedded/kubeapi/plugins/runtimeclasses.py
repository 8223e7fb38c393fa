"""What a RuntimeClass adds to the pods that name it: overhead, node selector, tolerations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubeapi import problems, quantity
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.plugins.pods import is_new_pod
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import ApiError

_CLASSES = "runtimeclasses.node.k8s.io"


class RuntimeClasses:
    """Completes and checks new pods.

    Args:
        store: where the classes are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> None:
        """Give a new pod what its class says."""
        pod = attributes.new
        if pod is None or not is_new_pod(attributes):
            return
        spec = pod.setdefault("spec", {})
        found = self._class_of(spec, attributes)
        overhead = _overhead(found)
        if overhead is not None:
            if spec.get("overhead") and not _same_amounts(spec["overhead"], overhead):
                raise _mismatch(attributes)
            spec["overhead"] = dict(overhead)
        _set_scheduling(spec, found.get("scheduling") or {}, attributes)

    def validate(self, attributes: Attributes) -> None:
        """Refuse an overhead that is not that of the class."""
        pod = attributes.new
        if pod is None or not is_new_pod(attributes):
            return
        spec = pod.get("spec") or {}
        overhead = _overhead(self._class_of(spec, attributes))
        given = spec.get("overhead")
        if overhead is None and given is not None:
            why = "Pod Overhead set without corresponding RuntimeClass defined Overhead"
            raise _rejected(attributes, f"pod rejected: {why}")
        if overhead is not None and not _same_amounts(given or {}, overhead):
            raise _mismatch(attributes)

    def _class_of(self, spec: Mapping[str, Any], attributes: Attributes) -> Mapping[str, Any]:
        name = spec.get("runtimeClassName")
        if name is None:
            return {}
        stored = self._store.get(_CLASSES, name)
        if stored is None:
            raise _rejected(attributes, f'pod rejected: RuntimeClass "{name}" not found')
        return stored.object


def _overhead(runtime_class: Mapping[str, Any]) -> Mapping[str, str] | None:
    found = runtime_class.get("overhead")
    return None if found is None else found.get("podFixed") or {}


def _same_amounts(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return one.keys() == other.keys() and all(
        quantity.parse(one[name]).nanos == quantity.parse(other[name]).nanos for name in one
    )


def _set_scheduling(spec: Manifest, scheduling: Mapping[str, Any], attributes: Attributes) -> None:
    wanted = scheduling.get("nodeSelector") or {}
    given = spec.get("nodeSelector") or {}
    for key, value in wanted.items():
        if given.get(key, value) != value:
            why = (
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value};"
                f" pod.spec.nodeSelector[{key}] = {given[key]}"
            )
            raise _rejected(attributes, why)
    if wanted:
        spec["nodeSelector"] = {**given, **wanted}
    tolerations = spec.get("tolerations") or []
    added = [one for one in scheduling.get("tolerations") or () if one not in tolerations]
    if added:
        spec["tolerations"] = [*tolerations, *added]


def _mismatch(attributes: Attributes) -> ApiError:
    why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
    return _rejected(attributes, why)


def _rejected(attributes: Attributes, why: str) -> ApiError:
    return problems.forbidden(attributes.call.collection.kind, attributes.name, why)
