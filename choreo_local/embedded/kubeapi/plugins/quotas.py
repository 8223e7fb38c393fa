"""ResourceQuota: refuses what exceeds a quota, and takes from the quota what is let in.

The controller of quotas measures the usage anew when objects go; between its looks the status of a
quota is kept here, so that two writers at once cannot both have the last of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import quantity
from choreo_local.embedded.kubeapi import problems, quotausage
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.quotausage import Usage
from choreo_local.embedded.storage.eventlog import Stored
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import ForbiddenError

_QUOTAS = "resourcequotas"
# What is not counted because it comes and goes with every request.
_IGNORED = frozenset({"events", "events.events.k8s.io", "bindings"})
_COUNTED_ON_UPDATE = frozenset({"services", "persistentvolumeclaims"})


@dataclass(frozen=True, slots=True)
class _Bound:
    """A quota that is about an object, and which of its limits are."""

    stored: Stored
    names: tuple[str, ...]
    used: Usage

    @property
    def name(self) -> str:
        return str(self.stored.object["metadata"]["name"])

    @property
    def hard(self) -> Mapping[str, Any]:
        return _status(self.stored, "hard")


def _status(stored: Stored, field: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (stored.object.get("status") or {}).get(field) or {}
    return found


class ResourceQuotas:
    """Holds writes to the quotas of their namespace.

    Args:
        store: where the quotas are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> None:
        """Nothing to change."""

    def validate(self, attributes: Attributes) -> None:
        """Refuse what exceeds a quota; note what it takes when it does not."""
        if not _is_counted(attributes):
            return
        bounds = list(self._bounds(attributes))
        taken = _taken(attributes) if bounds else {}
        if not taken:
            return
        increased = [(bound, _increase(attributes, bound, taken)) for bound in bounds]
        if attributes.dry_run:
            return
        for bound, used in increased:
            if used:
                self._note(bound, used)

    def _bounds(self, attributes: Attributes) -> Iterator[_Bound]:
        resource, obj = _resource(attributes), attributes.new or {}
        for stored in self._store.select(_QUOTAS, attributes.namespace):
            names = tuple(quotausage.names_of(resource, _status(stored, "hard")))
            spec = stored.object.get("spec") or {}
            if not names or not quotausage.is_in_scope(spec, resource, obj):
                continue
            if resource == "pods":
                unsaid = quotausage.unsaid(obj, names)
                if unsaid:
                    name = stored.object["metadata"]["name"]
                    raise _refusal(attributes, f"failed quota: {name}: must specify {unsaid}")
            yield _Bound(stored, names, self._used(attributes, stored, names))

    def _used(self, attributes: Attributes, stored: Stored, names: Iterable[str]) -> Usage:
        """The usage that the quota knows of; what nobody has measured is measured here."""
        known = _status(stored, "used")
        used = {name: quantity.parse(str(known[name])) for name in names if name in known}
        missing = [name for name in names if name not in used]
        if missing:
            spec, resource = stored.object.get("spec") or {}, _resource(attributes)
            storage = attributes.call.collection.storage
            used |= dict.fromkeys(missing, quantity.ZERO)
            for each in self._store.select(storage, attributes.namespace):
                if quotausage.is_in_scope(spec, resource, each.object):
                    taken = quotausage.usage(resource, each.object)
                    used |= {name: used[name] + taken[name] for name in missing if name in taken}
        return used

    def _note(self, bound: _Bound, used: Usage) -> None:
        changed: Manifest = bound.stored.fresh()
        amounts = changed["status"].setdefault("used", {})
        amounts.update({name: str(amount) for name, amount in used.items()})
        self._store.put(_QUOTAS, bound.stored.key, changed)


def _resource(attributes: Attributes) -> str:
    return attributes.call.collection.kind.group_resource


def _is_counted(attributes: Attributes) -> bool:
    if not attributes.namespace or attributes.call.subresource or attributes.new is None:
        return False
    resource = _resource(attributes)
    if resource in _IGNORED:
        return False
    if attributes.operation == "CREATE":
        return True
    return attributes.operation == "UPDATE" and resource in _COUNTED_ON_UPDATE


def _taken(attributes: Attributes) -> Usage:
    """What the write adds to the usage; nothing where it gives back."""
    resource = _resource(attributes)
    now = quotausage.usage(resource, attributes.new or {})
    then: Usage = {}
    if attributes.operation == "UPDATE" and attributes.old is not None:
        then = quotausage.usage(resource, attributes.old)
    added = {name: amount - then[name] if name in then else amount for name, amount in now.items()}
    return {name: amount for name, amount in added.items() if amount > quantity.ZERO}


def _increase(attributes: Attributes, bound: _Bound, taken: Usage) -> Usage:
    """The usage of a quota after a write; refuses the write when that is too much."""
    requested = {name: taken[name] for name in bound.names if name in taken}
    used = {name: bound.used[name] for name in requested}
    hard = {name: quantity.parse(str(bound.hard[name])) for name in requested}
    after = {name: used[name] + amount for name, amount in requested.items()}
    exceeded = sorted(name for name in requested if after[name] > hard[name])
    if exceeded:
        parts = ("requested", requested), ("used", used), ("limited", hard)
        shown = ", ".join(f"{word}: {_listed(amounts, exceeded)}" for word, amounts in parts)
        raise _refusal(attributes, f"exceeded quota: {bound.name}, {shown}")
    return after


def _listed(amounts: Usage, names: list[str]) -> str:
    return ",".join(f"{name}={amounts[name]}" for name in names)


def _refusal(attributes: Attributes, why: str) -> ForbiddenError:
    return problems.forbidden(attributes.call.collection.kind, attributes.name, why)
