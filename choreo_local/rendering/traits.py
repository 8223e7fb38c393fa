"""What a trait does to the manifests of a component: creates, then patches, then removes; pure.

Public: `apply(trait, scope, resources)`, `with_default_planes(spec)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import controlflow, patches, printing, targets, values
from .controlflow import NotBooleanError, NotListError
from .errors import RenderError, prefixed
from .targets import RenderedResource
from .template import Scope

Entry = Mapping[str, Any]


def apply(trait: Entry, scope: Scope, resources: list[RenderedResource]) -> list[RenderedResource]:
    """The manifests after a trait; those that stay are changed in place.

    Raises:
        RenderError: something in the trait fails on these inputs.
    """
    name, spec = str(trait["metadata"].get("name", "")), trait.get("spec") or {}
    result = list(resources)
    for number, entry in enumerate(spec.get("creates") or ()):
        result.extend(_created(f"trait {name} create #{number}", entry, scope))
    for number, entry in enumerate(spec.get("patches") or ()):
        with prefixed(f"failed to apply trait patch #{number} for trait {name}"):
            _patch(f"trait {name} patch #{number}", entry, scope, result)
    return _without_removed(name, spec.get("removes") or (), scope, result)


def with_default_planes(spec: Entry) -> dict[str, Any]:
    """A trait's spec in which every create and patch names its plane."""
    filled = dict(spec)
    for field in ("creates", "patches"):
        if spec.get(field):
            filled[field] = [
                {**entry, "targetPlane": entry.get("targetPlane") or targets.DATA_PLANE}
                for entry in spec[field]
            ]
    return filled


def _created(subject: str, entry: Entry, scope: Scope) -> Iterator[RenderedResource]:
    with prefixed(f"failed to evaluate includeWhen for {subject}"):
        if not controlflow.included(scope, entry.get("includeWhen")):
            return
    with prefixed(f"failed to evaluate forEach for {subject}"):
        passes = list(controlflow.iterations(scope, entry))
    template = values.as_context(entry.get("template"))
    for bound in passes:
        with prefixed(f"failed to render create template for {subject}"):
            manifest = bound.render_object(template)
        yield RenderedResource(manifest, str(entry.get("targetPlane") or ""))


def _patch(subject: str, entry: Entry, scope: Scope, resources: list[RenderedResource]) -> None:
    for bound in _passes(subject, entry, scope):
        plane = str(entry.get("targetPlane") or "")
        candidates = targets.matching(resources, entry.get("target") or {}, plane)
        if not candidates:
            continue
        selected = _selected(subject, entry, bound, candidates)
        operations = [
            _operation(f"{subject} operation #{number}", operation, bound)
            for number, operation in enumerate(entry.get("operations") or ())
        ]
        for resource in selected:
            with prefixed(f"failed to patch {resource.title} for {subject}"):
                patches.apply(resource.manifest, operations)


def _operation(subject: str, entry: Entry, scope: Scope) -> patches.Operation:
    op, source = str(entry.get("op", "")), str(entry.get("path", ""))
    with prefixed(f"failed to render path '{source}' for {subject}"):
        path = scope.render(source)
    if not isinstance(path, str):
        kind = printing.type_name(path)
        raise RenderError(f"path '{source}' must evaluate to string for {subject}, got {kind}")
    if op.lower() == "remove":
        return patches.Operation(op, path)
    with prefixed(f"failed to render value for {subject}"):
        return patches.Operation(op, path, scope.render(values.as_context(entry.get("value"))))


def _without_removed(
    trait: str, removes: Any, scope: Scope, resources: list[RenderedResource]
) -> list[RenderedResource]:
    removed: set[int] = set()
    for number, entry in enumerate(removes):
        subject = f"trait {trait} remove #{number}"
        with prefixed(f"failed to apply trait remove #{number} for trait {trait}"):
            for bound in _passes(subject, entry, scope):
                plane = str(entry.get("targetPlane") or "")
                candidates = targets.matching(resources, entry.get("target") or {}, plane)
                removed.update(map(id, _selected(subject, entry, bound, candidates)))
    return [resource for resource in resources if id(resource) not in removed]


def _passes(subject: str, entry: Entry, scope: Scope) -> list[Scope]:
    try:
        return list(controlflow.iterations(scope, entry))
    except NotListError as error:
        raise error.within(f"invalid forEach result for {subject}") from error
    except RenderError as error:
        raise error.within(f"failed to evaluate forEach for {subject}") from error


def _selected(
    subject: str, entry: Entry, scope: Scope, candidates: list[RenderedResource]
) -> list[RenderedResource]:
    target = entry.get("target") or {}
    where = target.get("where", "")
    try:
        return [found for found in candidates if targets.is_selected(scope, target, found)]
    except NotBooleanError as error:
        message = f"where clause '{where}' must evaluate to boolean for {subject}"
        raise RenderError(f"{message}, got {error.kind}") from error
    except RenderError as error:
        prefix = f"failed to evaluate where clause '{where}' for {subject}"
        raise error.within(prefix) from error
