"""Classes that other objects name: of priorities, runtimes, storage and volume attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import (
    checks,
    metadata,
    names,
    printed,
    resources,
    scheduling,
)
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]

_SYSTEM_PREFIX = "system-"
_SYSTEM_PRIORITIES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}
_MAX_PRIORITY = 1000000000
_MAX_PARAMETERS, _MAX_PARAMETERS_BYTES = 512, 256 * 1024


def validate_priority(obj: Manifest) -> Problems:
    """The problems of a priority class."""
    name, value = obj["metadata"].get("name") or "", obj.get("value") or 0
    if name.startswith(_SYSTEM_PREFIX):
        trouble = _system_trouble(name, value, is_default=bool(obj.get("globalDefault")))
        if trouble:
            yield fielderrors.forbidden(
                "metadata.name",
                "priority class names with 'system-' prefix are reserved for system use only. "
                f"error: {trouble}",
            )
    elif value > _MAX_PRIORITY:
        yield fielderrors.forbidden(
            "value", f"maximum allowed value of a user defined priority is {_MAX_PRIORITY}"
        )
    if obj.get("preemptionPolicy") is not None:
        yield from checks.required_one_of(
            "preemptionPolicy", obj["preemptionPolicy"], ("PreemptLowerPriority", "Never")
        )


def _system_trouble(name: str, value: int, *, is_default: bool) -> str:
    expected = _SYSTEM_PRIORITIES.get(name)
    if expected is None:
        return f"{name} is not a known system priority class"
    if value != expected:
        return f"value of {name} PriorityClass must be {expected}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def validate_priority_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed priority class."""
    if new.get("value") != old.get("value"):
        yield fielderrors.forbidden("value", "may not be changed in an update.")
    yield from checks.unchanged(
        "preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy")
    )


def validate_runtime(obj: Manifest) -> Problems:
    """The problems of a runtime class."""
    handler = obj.get("handler") or ""
    if not handler:
        yield fielderrors.required("handler")
    else:
        yield from checks.fits("handler", handler, names.dns_label)
    if obj.get("overhead") is not None:
        yield from resources.requirements(
            "overhead", {"limits": obj["overhead"].get("podFixed") or {}}
        )
    placement = obj.get("scheduling") or {}
    yield from metadata.check_labels(placement.get("nodeSelector"), "scheduling.nodeSelector")
    found: Sequence[Mapping[str, Any]] = placement.get("tolerations") or ()
    yield from scheduling.tolerations("scheduling.tolerations", found)
    seen: list[tuple[Any, ...]] = []
    for index, toleration in enumerate(found):
        key = tuple(toleration.get(field) for field in ("key", "operator", "value", "effect"))
        if key in seen:
            shown = printed.internal("core.Toleration", toleration)
            yield fielderrors.duplicate(f"scheduling.tolerations[{index}]", shown)
        seen.append(key)


def validate_runtime_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed runtime class."""
    yield from validate_runtime(new)
    yield from checks.unchanged("handler", new.get("handler") or "", old.get("handler") or "")


def validate_storage(obj: Manifest) -> Problems:
    """The problems of a storage class."""
    yield from _driver("provisioner", obj.get("provisioner") or "")
    yield from _parameters(obj.get("parameters") or {})
    if obj.get("reclaimPolicy"):
        yield from checks.one_of("reclaimPolicy", obj["reclaimPolicy"], ("Delete", "Retain"))
    mode = obj.get("volumeBindingMode")
    if mode is None:
        yield fielderrors.required("volumeBindingMode")
    else:
        yield from checks.one_of("volumeBindingMode", mode, ("Immediate", "WaitForFirstConsumer"))
    yield from _topologies("allowedTopologies", obj.get("allowedTopologies") or ())


def _driver(path: str, name: str) -> Problems:
    if not name:
        yield fielderrors.required(path)
    else:
        yield from checks.fits(path, name.lower(), names.qualified_name)


def _parameters(found: Mapping[str, str]) -> Problems:
    if len(found) > _MAX_PARAMETERS:
        yield fielderrors.too_long("parameters", _MAX_PARAMETERS)
        return
    if "" in found:
        yield fielderrors.invalid_value("parameters", "", "field can not be empty.")
    size = sum(len(key.encode()) + len(value.encode()) for key, value in found.items())
    if size > _MAX_PARAMETERS_BYTES:
        yield fielderrors.too_long("parameters", _MAX_PARAMETERS_BYTES)


def _topologies(path: str, terms: Sequence[Mapping[str, Any]]) -> Problems:
    seen: list[dict[str, set[str]]] = []
    for index, term in enumerate(terms):
        here, wanted = f"{path}[{index}].matchLabelExpressions", dict[str, set[str]]()
        for number, requirement in enumerate(term.get("matchLabelExpressions") or ()):
            key, values = requirement.get("key") or "", requirement.get("values") or ()
            spot = f"{here}[{number}]"
            if not values:
                yield fielderrors.required(f"{spot}.values")
            yield from checks.duplicates(f"{spot}.values", values)
            yield from checks.fits(f"{spot}.key", key, names.qualified_name)
            if key in wanted:
                yield fielderrors.duplicate(f"{spot}.key", key)
            wanted[key] = set(values)
        # The real one takes a term without requirements for a repetition, even the first.
        if wanted in seen or not wanted:
            yield fielderrors.duplicate(here, "")
        seen.append(wanted)


def validate_storage_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed storage class."""
    yield from validate_storage(new)
    for field in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        yield from checks.unchanged(field, new.get(field), old.get(field))


def validate_attributes(obj: Manifest) -> Problems:
    """The problems of a class of volume attributes."""
    yield from _driver("driverName", obj.get("driverName") or "")
    yield from _parameters(obj.get("parameters") or {})
    if not obj.get("parameters"):
        yield fielderrors.required("parameters", "must contain at least one key/value pair")


def validate_attributes_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed class of volume attributes."""
    for field in ("driverName", "parameters"):
        if new.get(field) != old.get(field):
            yield fielderrors.forbidden(field, f"updates to {field} are forbidden.")
    yield from validate_attributes(new)
