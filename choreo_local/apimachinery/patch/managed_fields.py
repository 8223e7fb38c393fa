"""`metadata.managedFields`: who owns which fields of an object.

`apply` computes with `Managers`; here they are read from and written to objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from choreo_local.apimachinery.gotext import quote
from choreo_local.apimachinery.patch import fieldset
from choreo_local.apimachinery.patch.fieldset import FieldSet

APPLY, UPDATE = "Apply", "Update"
FIELDS_TYPE = "FieldsV1"

# An object remembers this many updaters; the oldest are then merged into one.
MAX_UPDATERS = 10
OLD_UPDATERS = "ancient-changes"

# These fields belong to the server or identify the object: nobody owns them.
UNOWNED: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        "f:name": {},
        "f:namespace": {},
        "f:creationTimestamp": {},
        "f:selfLink": {},
        "f:uid": {},
        "f:clusterName": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:resourceVersion": {},
    },
}


class ManagerId(NamedTuple):
    """What tells managers apart; the version of an applier may change, so it is left out."""

    operation: str
    name: str
    subresource: str
    api_version: str


@dataclass(frozen=True, slots=True)
class Manager:
    """One manager and what it owns."""

    name: str
    operation: str
    api_version: str
    fields: FieldSet
    subresource: str = ""
    time: str | None = None

    @property
    def id(self) -> ManagerId:
        """The key of this manager."""
        return manager_id(
            self.name,
            self.operation,
            api_version=self.api_version,
            subresource=self.subresource,
        )

    def owning(self, fields: FieldSet) -> Manager:
        """The same manager with other fields."""
        return replace(self, fields=fields)

    def to_entry(self) -> dict[str, Any]:
        """As an entry of `managedFields`."""
        entry: dict[str, Any] = {
            "manager": self.name,
            "operation": self.operation,
            "apiVersion": self.api_version,
        }
        if self.time is not None:
            entry["time"] = self.time
        entry["fieldsType"] = FIELDS_TYPE
        entry["fieldsV1"] = self.fields
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry

    def __str__(self) -> str:
        """As a conflict names it."""
        text = quote(self.name)
        if self.subresource:
            text += f" with subresource {quote(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


def manager_id(name: str, operation: str, *, api_version: str, subresource: str) -> ManagerId:
    """The key of a manager."""
    return ManagerId(operation, name, subresource, "" if operation == APPLY else api_version)


Managers = dict[ManagerId, Manager]


def decode(entries: Iterable[Mapping[str, Any]], *, trusted: bool = False) -> Managers:
    """The managers that an object names.

    Args:
        entries: the `managedFields` of the object.
        trusted: the entries are ours, so the sets need no check.

    Raises:
        ValueError: an entry is malformed.
    """
    managers: Managers = {}
    for entry in entries:
        fields = entry.get("fieldsV1") or {}
        manager = Manager(
            name=str(entry.get("manager") or ""),
            operation=str(entry.get("operation") or ""),
            api_version=str(entry.get("apiVersion") or ""),
            fields=fields if trusted else fieldset.canonical(fields),
            subresource=str(entry.get("subresource") or ""),
            time=entry.get("time"),
        )
        if manager.operation not in (APPLY, UPDATE):
            raise ValueError(f"invalid operation {quote(manager.operation)}")
        managers[manager.id] = manager
    return managers


def encode(managers: Managers) -> list[dict[str, Any]]:
    """The entries for an object; appliers first, then by time and name."""
    ordered = sorted(managers.values(), key=_order)
    return [manager.to_entry() for manager in ordered if manager.fields]


def _order(manager: Manager) -> tuple[str, ...]:
    return (
        manager.operation,
        manager.time or "",
        manager.name,
        manager.api_version,
        manager.subresource,
    )


def is_reset(entries: Any) -> bool:
    """Whether a client asks to forget all managers: a list of one empty entry."""
    return isinstance(entries, list) and len(entries) == 1 and not entries[0]


def store(obj: dict[str, Any], managers: Managers) -> None:
    """Write the managers into an object, in place."""
    metadata = obj.setdefault("metadata", {})
    entries = encode(managers)
    if entries:
        metadata["managedFields"] = entries
    else:
        metadata.pop("managedFields", None)


def is_same_but_times(old: Any, new: Any) -> bool:
    """Whether two lists of entries say the same, times aside: then nothing need be written."""
    return _without_times(old) == _without_times(new)


def _without_times(entries: Any) -> list[dict[str, Any]]:
    plain = [{key: entry[key] for key in entry if key != "time"} for entry in entries or ()]
    return sorted(plain, key=lambda entry: (entry.get("operation", ""), entry.get("manager", "")))


def cap(managers: Managers) -> Managers:
    """The managers with the oldest updaters merged when there are too many of them."""
    updaters = [manager for manager in managers.values() if manager.operation == UPDATE]
    surplus = len(updaters) - MAX_UPDATERS
    if surplus <= 0:
        return managers
    capped = dict(managers)
    firsts: dict[str, ManagerId] = {}
    for manager in sorted(updaters, key=lambda manager: (manager.time or "", manager.name)):
        first = firsts.setdefault(manager.api_version, manager.id)
        # The oldest of each version waits until another one of it is to be merged.
        if surplus > 0 and first != manager.id:
            bucket = replace(manager, name=OLD_UPDATERS, subresource="")
            del capped[manager.id]
            previous = capped.pop(first)
            capped[bucket.id] = bucket.owning(fieldset.union(previous.fields, manager.fields))
            firsts[manager.api_version] = bucket.id
            surplus -= 1
    return capped
