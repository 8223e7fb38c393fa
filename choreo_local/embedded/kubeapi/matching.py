"""Which objects a list, watch or deletecollection selects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import selectors
from choreo_local.apimachinery.selectors import FieldRequirement
from choreo_local.embedded.kubeapi import conversion, problems
from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.options import ListOptions
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.storage.eventlog import Stored
from choreo_local.errors import ApiError

Test = Callable[[Stored], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A selection.

    Attributes:
        prefix: of the keys, which is the namespace.
        tests: of the selectors; all must hold.
        is_stable: no change of an object moves it in or out of the selection.
    """

    prefix: str = ""
    tests: tuple[Test, ...] = ()
    is_stable: bool = True

    def matches(self, item: Stored) -> bool:
        """Whether an object is selected."""
        if self.prefix and not item.key.startswith(self.prefix):
            return False
        return all(test(item) for test in self.tests)


def build_matcher(call: Call, options: ListOptions) -> Matcher:
    """The selection of a request: namespace and selectors."""
    prefix = f"{call.namespace}/" if call.namespace else ""
    tests: list[Test] = []
    if call.name:
        # Only the old form of watching a single object has a name here.
        wanted = call.key
        tests.append(lambda item: item.key == wanted)
    labels = selectors.parse_labels(options.label_selector)
    is_stable = labels.is_empty
    if not labels.is_empty:
        tests.append(lambda item: labels.matches(item.labels))
    for requirement in selectors.parse_fields(options.field_selector).requirements:
        tests.append(_field_test(call, requirement))
        is_stable = is_stable and requirement.field in _KEY_FIELDS
    return Matcher(prefix, tuple(tests), is_stable)


_KEY_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


def _field_test(call: Call, requirement: FieldRequirement) -> Test:
    field, value, equal = requirement.field, requirement.value, not requirement.negated
    if field == "metadata.name":
        return lambda item: (item.name == value) == equal
    if field == "metadata.namespace":
        return lambda item: (item.namespace == value) == equal
    collection = call.collection
    if field not in collection.served.selectable_fields:
        raise _unknown_field(call, field)
    path = field.split(".")
    if collection.kind.kind == "Event":
        return lambda item: (_text(_event(collection, item), path) == value) == equal
    return lambda item: (_text(item.object, path) == value) == equal


def _event(collection: Collection, item: Stored) -> Manifest:
    """An Event with the field names of the group it is asked for in."""
    if item.raw.startswith(collection.prefix):
        return item.object
    return conversion.convert(item.fresh(), collection)


def _text(obj: Any, path: Sequence[str]) -> str:
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    if isinstance(obj, bool):
        return "true" if obj else "false"
    return "" if obj is None else str(obj)


def _unknown_field(call: Call, field: str) -> ApiError:
    served = call.collection.served
    if served.custom or call.collection.kind.group_resource in _OWN_FIELD_NAMES:
        return problems.bad_request(f"field label not supported: {field}")
    return problems.bad_request(
        f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )


# Kinds that upstream gives field labels of their own; they word unknown ones differently.
_OWN_FIELD_NAMES = frozenset(
    {
        "certificatesigningrequests.certificates.k8s.io",
        "events",
        "events.events.k8s.io",
        "jobs.batch",
        "namespaces",
        "nodes",
        "pods",
        "replicationcontrollers",
        "secrets",
        "services",
    }
)
