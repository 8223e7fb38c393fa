"""What is refused of Traits and ClusterTraits; pure.

Public: `problems(…)`, and `heads(…)`, `bodies(…)` for the traits inside of releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

from . import contexts, expressions, reading, schemas, templates
from .celchecks import TypedEnvironment
from .expressions import Place
from .schemas import Sections

Spec = Mapping[str, Any]

_OPERATIONS = ("add", "replace", "remove")
# Groups of the kinds that run pods; another group may have a kind of the same name.
_WORKLOAD_GROUPS = frozenset({"apps", "batch"})
_OWNED = "the primary workload is defined by the ComponentType"


def problems(spec: Spec, path: str) -> Iterator[FieldError]:
    """Everything that is wrong with a trait."""
    sections = schemas.read(spec, path)
    yield from sections.problems
    yield from heads(spec, path)
    yield from bodies(spec, path, sections)


def heads(spec: Spec, path: str) -> Iterator[FieldError]:
    """What is wrong with the heads of the manifests that a trait creates."""
    for below, create in reading.entries(spec.get("creates"), f"{path}.creates"):
        template = create.get("template")
        yield from templates.structure(template, f"{below}.template")
        kind = templates.kind_of(template)
        if templates.is_workload(kind):
            shown = fielderrors.quote(kind)
            detail = f"traits must not create workload resources (kind {shown}); {_OWNED}"
            yield fielderrors.forbidden(f"{below}.template.kind", detail)


def bodies(spec: Spec, path: str, sections: Sections) -> Iterator[FieldError]:
    """What is wrong with the expressions of a trait, and with what it patches and removes."""
    environment = contexts.trait(sections.parameters, sections.configs)
    yield from expressions.rules(spec, path, environment)
    for field, check in (("creates", _create), ("patches", _patch), ("removes", _remove)):
        for below, entry in reading.entries(spec.get(field), f"{path}.{field}"):
            yield from check(entry, below, environment)


def _create(entry: Spec, path: str, environment: TypedEnvironment) -> Iterator[FieldError]:
    place = Place(entry, path, environment)
    yield from place.condition("includeWhen")
    inner, found = place.loop()
    yield from found
    body = entry.get("template")
    yield from expressions.in_template(body, f"{path}.template", inner or environment)


def _patch(entry: Spec, path: str, environment: TypedEnvironment) -> Iterator[FieldError]:
    inner, found = Place(entry, path, environment).loop()
    yield from found
    inner = inner or environment
    yield from expressions.target(entry.get("target"), f"{path}.target", inner)
    for below, operation in reading.entries(entry.get("operations"), f"{path}.operations"):
        yield from _operation(operation, below, inner)


def _operation(entry: Spec, path: str, environment: TypedEnvironment) -> Iterator[FieldError]:
    name = reading.text(entry.get("op"))
    if name not in _OPERATIONS:
        detail = "invalid patch operation (valid: add, replace, remove)"
        yield fielderrors.invalid_value(f"{path}.op", name, detail)
    if not reading.text(entry.get("path")):
        yield fielderrors.required(f"{path}.path", "patch path is required")
    value = entry.get("value")
    if name == "remove":
        if value is not None:
            detail = "value should not be specified for 'remove' operation"
            yield fielderrors.invalid_value(f"{path}.value", "<value>", detail)
    elif name in _OPERATIONS:
        if value is None:
            detail = f"value is required for '{name}' operation"
            yield fielderrors.required(f"{path}.value", detail)
        yield from expressions.in_template(value, f"{path}.value", environment)


def _remove(entry: Spec, path: str, environment: TypedEnvironment) -> Iterator[FieldError]:
    inner, found = Place(entry, path, environment).loop()
    yield from found
    target = entry.get("target")
    kind = reading.text(reading.member(target, "kind"))
    group = reading.text(reading.member(target, "group"))
    if templates.is_workload(kind) and group in _WORKLOAD_GROUPS:
        shown = fielderrors.quote(kind)
        detail = f"traits must not remove workload resources (kind {shown}); {_OWNED}"
        yield fielderrors.forbidden(f"{path}.target.kind", detail)
    yield from expressions.target(target, f"{path}.target", inner or environment)
