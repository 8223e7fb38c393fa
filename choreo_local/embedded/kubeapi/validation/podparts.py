"""Changes of pods through `ephemeralcontainers` and `resize`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.defaults import qos
from choreo_local.embedded.kubeapi.validation import pods, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_DEBUGGERS = "spec.ephemeralContainers"
_CONTAINERS = ("containers", "initContainers")
_RESIZED = ("cpu", "memory")


def validate_ephemeral(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """Ephemeral containers come, and never change or go."""
    yield from pods.validate(new)
    if pods.MIRROR in (new["metadata"].get("annotations") or {}):
        yield fielderrors.forbidden("", "static pods do not support ephemeral containers")
    given = {one.get("name"): one for one in new["spec"].get("ephemeralContainers") or ()}
    for known in old["spec"].get("ephemeralContainers") or ():
        name = known.get("name")
        about = f"existing ephemeral containers {fielderrors.quote(name or '')} may not be"
        if name not in given:
            yield fielderrors.forbidden(_DEBUGGERS, f"{about} removed\n")
        elif given[name] != known:
            change = printed.difference("core.EphemeralContainer", known, given[name])
            yield fielderrors.forbidden(_DEBUGGERS, f"{about} changed\n{change}")


def validate_resize(new: dict[str, Any], old: dict[str, Any]) -> Problems:
    """CPU and memory change; the class of quality does not, and nothing else does."""
    yield from pods.validate(new)
    if pods.MIRROR in (old["metadata"].get("annotations") or {}):
        yield fielderrors.forbidden("", "static pods cannot be resized")
    if ((old["spec"].get("os") or {}).get("name")) == "windows":
        yield fielderrors.forbidden("spec", "windows pods cannot be resized")
    for field in _CONTAINERS:
        changed = list(_same_containers(field, new["spec"], old["spec"]))
        if changed:
            yield from changed
            return
    for field in _CONTAINERS:
        yield from _kept_amounts(field, new["spec"], old["spec"])
    before = (old.get("status") or {}).get("qosClass") or qos.quality_of_service(old["spec"])
    if qos.quality_of_service(new["spec"]) != before:
        yield fielderrors.invalid_value(
            "spec", before, "Pod QOS Class may not change as a result of resizing"
        )
    if _without_sizes(new["spec"]) != _without_sizes(old["spec"]):
        yield fielderrors.forbidden("spec", "only cpu and memory resources are mutable")


def _same_containers(field: str, new: Object, old: Object) -> Problems:
    given = [one.get("name") for one in new.get(field) or ()]
    known = [one.get("name") for one in old.get(field) or ()]
    path = f"spec.{field}"
    if len(given) != len(known):
        yield fielderrors.forbidden(path, f"{field} may not be added or removed on resize")
        return
    for index, (one, other) in enumerate(zip(given, known, strict=True)):
        if one != other:
            yield fielderrors.forbidden(
                f"{path}[{index}].name", f"{field} may not be renamed or reordered on resize"
            )


def _kept_amounts(field: str, new: Object, old: Object) -> Problems:
    """Amounts change, and may come; they do not go."""
    pairs = zip(new.get(field) or (), old.get(field) or (), strict=True)
    for index, (container, before) in enumerate(pairs):
        for kind in ("limits", "requests"):
            given = (container.get("resources") or {}).get(kind) or {}
            known = (before.get("resources") or {}).get(kind) or {}
            if any(name in known and name not in given for name in _RESIZED):
                yield fielderrors.forbidden(
                    f"spec.{field}[{index}].resources.{kind}", f"resource {kind} cannot be removed"
                )


def _without_sizes(spec: Object) -> Any:
    munged = copy.deepcopy(dict(spec))
    for field in _CONTAINERS:
        for container in munged.get(field) or ():
            resources = container.get("resources") or {}
            for amounts in (resources.get("requests"), resources.get("limits")):
                for name in _RESIZED:
                    (amounts or {}).pop(name, None)
            container["resources"] = {key: value for key, value in resources.items() if value}
    return munged
