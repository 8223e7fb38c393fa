"""What a CustomResourceDefinition says: names, conditions, the resources it makes. Pure.

`crds` acts upon it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from choreo_local.apimachinery import conditions
from choreo_local.apimachinery.gvk import GroupVersionKind, ResourceKind
from choreo_local.apimachinery.schema import structural
from choreo_local.embedded.kubeapi import discovery
from choreo_local.embedded.kubeapi.resources import PrinterColumn, ServedResource, Subresource

Manifest = dict[str, Any]

RESOURCE = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
_SUBRESOURCE_VERBS = ("get", "patch", "update")
_SCALE = GroupVersionKind("autoscaling", "v1", "Scale")
_NAMES = ("plural", "singular", "shortNames", "kind", "listKind", "categories")


def storage_version(crd: Mapping[str, Any]) -> str:
    """The version in which objects are stored."""
    for version in crd["spec"]["versions"]:
        if version.get("storage"):
            return str(version["name"])
    return str(crd["spec"]["versions"][0]["name"])


def is_established(crd: Mapping[str, Any]) -> bool:
    """Whether the resources of a definition are to be served."""
    return _has_condition(crd, "Established")


def is_terminating(crd: Mapping[str, Any]) -> bool:
    """Whether the definition is being deleted."""
    return bool(crd["metadata"].get("deletionTimestamp"))


def _has_condition(crd: Mapping[str, Any], kind: str) -> bool:
    found = (crd.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == kind and one.get("status") == "True" for one in found)


def resources(crd: Mapping[str, Any]) -> list[ServedResource]:
    """The resources that a definition makes, one a served version."""
    spec = crd["spec"]
    names = (crd.get("status") or {}).get("acceptedNames") or spec["names"]
    storage = storage_version(crd)
    return [
        _resource(spec, names, version, is_storage=version["name"] == storage)
        for version in spec["versions"]
        if version.get("served")
    ]


def _resource(
    spec: Mapping[str, Any],
    names: Mapping[str, Any],
    version: Mapping[str, Any],
    *,
    is_storage: bool,
) -> ServedResource:
    subresources = version.get("subresources") or {}
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    kind = ResourceKind(
        spec["group"],
        version["name"],
        names["kind"],
        names["plural"],
        namespaced=spec["scope"] == "Namespaced",
    )
    return ServedResource(
        kind=kind,
        singular=names.get("singular") or names["kind"].lower(),
        list_kind=names.get("listKind") or f"{names['kind']}List",
        verbs=_VERBS,
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=_subresources(kind, subresources),
        columns=tuple(_column(one) for one in version.get("additionalPrinterColumns") or ()),
        schema=None if schema is None else structural.from_crd(_rooted(spec, schema)),
        openapi=schema,
        custom=True,
        storage_version=is_storage,
        status_subresource="status" in subresources,
        scale=subresources.get("scale"),
        deprecation=_deprecation(spec, version),
        selectable_fields=tuple(
            one["jsonPath"].lstrip(".") for one in version.get("selectableFields") or ()
        ),
    )


def _deprecation(spec: Mapping[str, Any], version: Mapping[str, Any]) -> str:
    if not version.get("deprecated"):
        return ""
    given = version.get("deprecationWarning")
    if given is not None:
        return str(given)
    group, kind = spec["group"], spec["names"]["kind"]
    rank = discovery.version_priority(version["name"])
    better = [
        one["name"]
        for one in spec["versions"]
        if one.get("served")
        and not one.get("deprecated")
        and discovery.version_priority(one["name"]) < rank
    ]
    text = f"{group}/{version['name']} {kind} is deprecated"
    if not better:
        return text
    return f"{text}; use {group}/{min(better, key=discovery.version_priority)} {kind}"


def _rooted(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if spec.get("preserveUnknownFields"):
        return {**schema, "x-kubernetes-preserve-unknown-fields": True}
    return schema


def _subresources(kind: ResourceKind, wanted: Mapping[str, Any]) -> dict[str, Subresource]:
    found = {}
    if "status" in wanted:
        found["status"] = Subresource("status", kind.gvk, _SUBRESOURCE_VERBS)
    if "scale" in wanted:
        found["scale"] = Subresource("scale", _SCALE, _SUBRESOURCE_VERBS)
    return found


def _column(column: Mapping[str, Any]) -> PrinterColumn:
    return PrinterColumn(
        name=column["name"],
        type=column["type"],
        description=column.get("description", ""),
        format=column.get("format", ""),
        priority=column.get("priority", 0),
        json_path=column.get("jsonPath", ""),
    )


def accept_names(crd: Manifest, others: Iterable[Mapping[str, Any]], *, now: str) -> None:
    """Decide on the names of a definition and whether it is established, in its status.

    Args:
        crd: changed in place.
        others: the other definitions of its group.
        now: the time for conditions that change.
    """
    spec = crd["spec"]
    names = {key: spec["names"][key] for key in _NAMES if spec["names"].get(key)}
    names.setdefault("listKind", f"{names.get('kind', '')}List")
    status = crd.setdefault("status", {})
    problem = _name_problem(names, _taken(others))
    if problem is None:
        status["acceptedNames"] = names
        _set(status, "NamesAccepted", "NoConflicts", "no conflicts found", now)
        if not _has_condition(crd, "Established"):
            text = "the initial names have been accepted"
            _set(status, "Established", "InitialNamesAccepted", text, now)
    else:
        status.setdefault("acceptedNames", {"plural": "", "kind": ""})
        _set(status, "NamesAccepted", *problem, now, value="False")
        if not _has_condition(crd, "Established"):
            text = "not all names are accepted"
            _set(status, "Established", "NotAccepted", text, now, value="False")
    note_storage_version(crd)


def note_storage_version(crd: Manifest) -> None:
    """Remember every version in which objects may be stored."""
    status = crd.setdefault("status", {})
    stored = status.get("storedVersions") or []
    version = storage_version(crd)
    status["storedVersions"] = stored if version in stored else [*stored, version]


def _taken(others: Iterable[Mapping[str, Any]]) -> tuple[set[str], set[str]]:
    """Resource names and kinds that other definitions have been granted."""
    resources_taken: set[str] = set()
    kinds_taken: set[str] = set()
    for other in others:
        names = (other.get("status") or {}).get("acceptedNames") or {}
        resources_taken |= {names.get("plural", ""), names.get("singular", "")}
        resources_taken |= set(names.get("shortNames") or ())
        kinds_taken |= {names.get("kind", ""), names.get("listKind", "")}
    return resources_taken - {""}, kinds_taken - {""}


def _name_problem(
    names: Mapping[str, Any], taken: tuple[set[str], set[str]]
) -> tuple[str, str] | None:
    """Reason and message of the last conflict, which is the one that the status tells."""
    resources_taken, kinds_taken = taken
    checks = [
        ("PluralConflict", names.get("plural"), resources_taken),
        ("SingularConflict", names.get("singular"), resources_taken),
        *(
            ("ShortNamesConflict", short, resources_taken)
            for short in names.get("shortNames") or ()
        ),
        ("KindConflict", names.get("kind"), kinds_taken),
        ("ListKindConflict", names.get("listKind"), kinds_taken),
    ]
    found = [(reason, name) for reason, name, used in checks if name in used]
    return (found[-1][0], f'"{found[-1][1]}" is already in use') if found else None


def mark_terminating(crd: Manifest, *, finished: bool, now: str) -> None:
    """Say in the status how far the deletion of the instances has come."""
    status = crd.setdefault("status", {})
    if finished:
        text = "removed all instances"
        _set(status, "Terminating", "InstanceDeletionCompleted", text, now, value="False")
    else:
        text = "CustomResource deletion is in progress"
        _set(status, "Terminating", "InstanceDeletionInProgress", text, now)


def _set(
    status: Manifest, kind: str, reason: str, message: str, now: str, *, value: str = "True"
) -> None:
    condition = {"type": kind, "status": value, "reason": reason, "message": message}
    status["conditions"] = conditions.set_(status.get("conditions") or (), condition, now=now)
