"""What the status of a namespace under deletion says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager.conditions import condition, with_condition
from choreo_local.embedded.controllermanager.plans import Manifest

_GOOD = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered",
     "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions",
     "All legacy kube types successfully parsed"),
    ("NamespaceDeletionContentFailure", "ContentDeleted",
     "All content successfully deleted, may be waiting on finalization"),
    ("NamespaceContentRemaining", "ContentRemoved",
     "All content successfully removed"),
    ("NamespaceFinalizersRemaining", "ContentHasNoFinalizers",
     "All content-preserving finalizers finished"),
)  # fmt: skip


@dataclass(slots=True)
class Remaining:
    """What is left in a namespace after everything was told to go."""

    counts: dict[ResourceKind, int] = field(default_factory=dict)
    finalizers: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, kind: ResourceKind, objects: Sequence[Manifest]) -> None:
        """Count the objects of a kind that are still there."""
        if not objects:
            return
        self.counts[kind] = len(objects)
        for obj in objects:
            for each in obj["metadata"].get("finalizers") or ():
                self.finalizers[each] = self.finalizers.get(each, 0) + 1

    @property
    def is_empty(self) -> bool:
        """Whether the namespace can go."""
        return not self.counts and not self.failures


def status(namespace: Manifest, remaining: Remaining, now: datetime) -> dict[str, Any]:
    """The status, with its five conditions."""
    before = namespace.get("status") or {}
    conditions: Iterable[Mapping[str, Any]] = before.get("conditions") or ()
    bad = _bad(remaining)
    for type_, reason, message in _GOOD:
        found = bad.get(type_)
        if found:
            made = condition(type_, "True", *found, now=now)
        else:
            made = condition(type_, "False", reason, message, now=now)
        conditions = _replaced(list(conditions), made)
    return {**before, "conditions": list(conditions)}


def _replaced(conditions: list[Mapping[str, Any]], made: Mapping[str, Any]) -> Iterable[Any]:
    """Replace in place, so that the order of the conditions stays; messages change too."""
    for index, old in enumerate(conditions):
        if old["type"] == made["type"]:
            moment = made["lastTransitionTime"]
            if old["status"] == made["status"]:
                moment = old.get("lastTransitionTime", moment)
            conditions[index] = {**made, "lastTransitionTime": moment}
            return conditions
    return with_condition(conditions, made)


def _bad(remaining: Remaining) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    if remaining.failures:
        listed = ", ".join(sorted(remaining.failures))
        message = f"Failed to delete all resource types, {len(remaining.failures)} remaining: "
        found["NamespaceDeletionContentFailure"] = ("ContentDeletionFailed", message + listed)
    if remaining.counts:
        listed = ", ".join(
            sorted(
                f"{kind.plural}.{kind.group} has {count} resource instances"
                for kind, count in remaining.counts.items()
            )
        )
        message = f"Some resources are remaining: {listed}"
        found["NamespaceContentRemaining"] = ("SomeResourcesRemain", message)
    if remaining.finalizers:
        listed = ", ".join(
            sorted(
                f"{name} in {count} resource instances"
                for name, count in remaining.finalizers.items()
            )
        )
        message = f"Some content in the namespace has finalizers remaining: {listed}"
        found["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", message)
    return found
