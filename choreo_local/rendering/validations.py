"""Rules that types and traits check before and after rendering; pure.

Every failing rule is reported, in one error: users mend them together.

Public: `check_before(scope, rules)`, `rules_before(spec)`, `PostRender`, `check_after(pending, …)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import controlflow, printing, targets
from .controlflow import NotBooleanError
from .errors import RenderError
from .targets import RenderedResource
from .template import Scope

Entry = Mapping[str, Any]

_SHOWN = 120


@dataclass(frozen=True, slots=True)
class PostRender:
    """The validations of one type or trait instance, waiting for the final manifests.

    Attributes:
        label: whose they are, for messages: `Trait storage/data`.
        scope: the context of their owner.
    """

    label: str
    scope: Scope
    validations: Sequence[Entry]


def rules_before(spec: Entry) -> Sequence[Entry]:
    """The pre-render rules of a type or trait, also under their former name."""
    return spec.get("preRenderValidations") or spec.get("validations") or ()


def check_before(scope: Scope, rules: Iterable[Entry]) -> None:
    """Check the rules of a type or trait against its inputs.

    Raises:
        RenderError: with all failures, `; ` between them.
    """
    failures = [
        failure
        for number, rule in enumerate(rules)
        if (failure := _failure(scope, number, rule)) is not None
    ]
    if failures:
        raise RenderError("; ".join(failures))


def check_after(pending: Iterable[PostRender], resources: Sequence[RenderedResource]) -> None:
    """Check the rendered manifests, the type's rules first, then those of the traits.

    Raises:
        RenderError: with all failures, `; ` between them.
    """
    failures = [
        failure
        for owner in pending
        for validation in owner.validations
        for failure in _after(owner, validation, resources)
    ]
    if failures:
        raise RenderError("; ".join(failures))


def _failure(scope: Scope, number: int, rule: Entry) -> str | None:
    text = str(rule.get("rule", ""))
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    title = f"rule[{number}] {printing.quoted(shown)}"
    try:
        if controlflow.holds(scope, text):
            return None
    except NotBooleanError as error:
        return f"{title} {error.message}"
    except RenderError as error:
        return f"{title} evaluation error: {error.message}"
    return f"{title} evaluated to false: {rule.get('message', '')}"


def _after(
    owner: PostRender, validation: Entry, resources: Sequence[RenderedResource]
) -> Iterator[str]:
    title = f'"{owner.label}" post-render validation'
    when = validation.get("when")
    try:
        if when and not controlflow.holds(owner.scope, when):
            return
    except RenderError as error:
        yield f"{title}: when evaluation error: {error.message}"
        return
    try:
        passes = [*_passes(owner.scope, validation)]
    except RenderError as error:
        yield f"{title}: forEach evaluation error: {error.message}"
        return
    for scope, suffix in passes:
        for failure in _selected_failures(title, scope, validation, resources):
            yield f"{failure}{suffix}"


def _passes(scope: Scope, validation: Entry) -> Iterator[tuple[Scope, str]]:
    if not validation.get("forEach"):
        yield scope, ""
        return
    name = controlflow.variable(validation)
    for item in controlflow.items(scope, validation["forEach"]):
        yield scope.bound(**{name: item}), f" (forEach {name}={printing.plain_text(item)})"


def _selected_failures(
    title: str, scope: Scope, validation: Entry, resources: Sequence[RenderedResource]
) -> Iterator[str]:
    target = validation.get("target") or {}
    plane = validation.get("targetPlane") or targets.DATA_PLANE
    try:
        selected = [
            resource
            for resource in targets.matching(resources, target, plane)
            if targets.is_selected(scope, target, resource)
        ]
    except RenderError as error:
        yield f"{title}: where evaluation error: {error.message}"
        return
    if not selected and target.get("mustMatch", True):
        wanted = "/".join(str(target.get(key, "")) for key in ("group", "version", "kind"))
        yield f"{title}: no resource matched target {wanted}"
    for resource in selected:
        failure = _rule_failure(scope, validation, resource)
        if failure is not None:
            yield f"{title} on {resource.title} {failure}"


def _rule_failure(scope: Scope, validation: Entry, resource: RenderedResource) -> str | None:
    bound = scope.bound(resource=resource.manifest)
    try:
        if controlflow.holds(bound, str(validation.get("rule", ""))):
            return None
    except NotBooleanError as error:
        return f"rule {error.message}"
    except RenderError as error:
        return f"evaluation error: {error.message}"
    return f"failed: {validation.get('message', '')}"
