"""What is refused of ComponentTypes and ClusterComponentTypes; pure.

Public: `problems(…)`, and `workloads(…)`, `bodies(…)` for the types inside of releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

from . import contexts, expressions, reading, references, schemas, templates
from .celchecks import TypedEnvironment
from .expressions import Place
from .schemas import Sections

Spec = Mapping[str, Any]

_NO_WORKLOAD = "proxy"


def problems(spec: Spec, path: str, *, cluster_wide: bool) -> Iterator[FieldError]:
    """Everything that is wrong with a type."""
    sections = schemas.read(spec, path)
    yield from sections.problems
    yield from bodies(spec, path, sections)
    yield from workloads(spec, path)
    yield from references.embedded_traits(spec, path, cluster_wide=cluster_wide)
    yield from references.allowed_traits(spec, path, cluster_wide=cluster_wide)
    yield from references.allowed_workflows(spec, path, cluster_wide=cluster_wide)


def bodies(spec: Spec, path: str, sections: Sections) -> Iterator[FieldError]:
    """What is wrong with the expressions of a type."""
    environment = contexts.component(sections.parameters, sections.configs)
    for below, resource in reading.entries(spec.get("resources"), f"{path}.resources"):
        yield from _body(resource, below, environment)
    yield from expressions.rules(spec, path, environment)


def _body(resource: Spec, path: str, environment: TypedEnvironment) -> Iterator[FieldError]:
    place = Place(resource, path, environment, unwrapped=expressions.IN_TYPES)
    yield from place.condition("includeWhen")
    inner, found = place.loop(prefix="parse error: ")
    yield from found
    if inner is not None:
        yield from expressions.in_template(resource.get("template"), f"{path}.template", inner)


def workloads(spec: Spec, path: str) -> Iterator[FieldError]:
    """What is wrong with the heads of templates; exactly one of them runs the component."""
    workload_type = reading.text(spec.get("workloadType"))
    matching = []
    for below, resource in reading.entries(spec.get("resources"), f"{path}.resources"):
        template = resource.get("template")
        yield from templates.structure(template, f"{below}.template")
        kind = templates.kind_of(template)
        if kind and kind.lower() == workload_type.lower() != _NO_WORKLOAD:
            matching.append(below)
        elif templates.is_workload(kind):
            detail = _superfluous(kind, workload_type)
            yield fielderrors.forbidden(f"{below}.template.kind", detail)
    if workload_type != _NO_WORKLOAD:
        yield from _exactly_one(matching, f"{path}.resources", workload_type)


def _superfluous(kind: str, workload_type: str) -> str:
    shown = fielderrors.quote(kind)
    if workload_type == _NO_WORKLOAD:
        return f"proxy ComponentType must not contain workload resources (kind {shown})"
    return (
        f"resource kind {shown} is a workload type that does not match the declared workloadType"
        f" {fielderrors.quote(workload_type)}; only one workload resource is allowed"
    )


def _exactly_one(matching: list[str], path: str, workload_type: str) -> Iterator[FieldError]:
    wanted = "must have exactly one resource with kind matching workloadType"
    detail = f"{wanted} {fielderrors.quote(workload_type)}"
    if not matching:
        yield fielderrors.required(path, detail)
    elif len(matching) > 1:
        for below in matching:
            yield fielderrors.duplicate(f"{below}.template.kind", workload_type)
        count = len(matching)
        yield fielderrors.invalid_value(path, f"{count} resources", f"{detail}, found {count}")
