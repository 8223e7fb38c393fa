"""The expressions of component types and traits, place by place, in upstream's words.

Public: `in_template(…)`, `Place`, `rules(…)`, `target(…)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.cel import types
from choreo_local.rendering import template as templating
from choreo_local.rendering.errors import NestedExpressionError

from . import celchecks, reading, templates
from .celchecks import ExpressionError, TypedEnvironment

IN_TYPES = "must be wrapped in ${...}"
IN_TRAITS = "must be a template expression wrapped with ${...}"

_DEFAULT_LOOP_VARIABLE = "item"
_RESOURCE = "resource"


def in_template(template: Any, path: str, environment: TypedEnvironment) -> Iterator[FieldError]:
    """What is wrong with the expressions of a template, in its keys and in its values."""
    for place, text, is_key in templates.iter_texts(template, path):
        try:
            found = templating.scan(text)
        except NestedExpressionError as error:
            words = "invalid CEL in map key" if is_key else "failed to parse CEL expressions"
            yield fielderrors.invalid_value(place, text, f"{words}: {error.message}")
            continue
        words = "invalid CEL in map key" if is_key else "invalid CEL expression"
        for expression in found:
            try:
                environment.check(expression.text)
            except ExpressionError as error:
                detail = f"{words} '{expression.text}': {error.problem}"
                yield fielderrors.invalid_value(place, text, detail)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of a type or trait that may be made on a condition, or several times.

    Attributes:
        entry: as written.
        path: where it stands.
        environment: what its expressions see.
        unwrapped: what is said of an expression without `${…}`.
    """

    entry: Mapping[str, Any]
    path: str
    environment: TypedEnvironment
    unwrapped: str = IN_TRAITS

    def condition(self, field: str) -> Iterator[FieldError]:
        """What keeps an expression of the entry from being a condition; it may be absent."""
        text = reading.text(self.entry.get(field))
        if text:
            yield from self._condition(field, text)

    def required_condition(self, field: str) -> Iterator[FieldError]:
        """The same for one that must be there."""
        return self._condition(field, reading.text(self.entry.get(field)))

    def _condition(self, field: str, text: str) -> Iterator[FieldError]:
        path = f"{self.path}.{field}"
        inner = templates.unwrapped(text)
        if inner is None:
            yield fielderrors.invalid_value(path, text, f"{field} {self.unwrapped}")
            return
        problem = celchecks.boolean_problem(self.environment, inner)
        if problem:
            yield fielderrors.invalid_value(path, text, f"{field} must return boolean: {problem}")

    def loop(self, *, prefix: str = "") -> tuple[TypedEnvironment | None, list[FieldError]]:
        """What the body of the entry sees, and what is wrong with its `forEach`.

        Args:
            prefix: put before the problem of an expression that is nothing to iterate over.

        Returns:
            No environment when nothing can be said of the body.
        """
        text, path = reading.text(self.entry.get("forEach")), f"{self.path}.forEach"
        if not text:
            return self.environment, []
        inner = templates.unwrapped(text)
        if inner is None:
            return None, [fielderrors.invalid_value(path, text, f"forEach {self.unwrapped}")]
        problem = celchecks.iteration_problem(self.environment, inner)
        found = [fielderrors.invalid_value(path, text, prefix + problem)] if problem else []
        try:
            type_ = celchecks.loop_type(self.environment, inner)
        except ExpressionError as error:
            detail = f"failed to analyze forEach: invalid forEach expression: {error.message}"
            return self.environment, [*found, fielderrors.invalid_value(path, text, detail)]
        variable = reading.text(self.entry.get("var")) or _DEFAULT_LOOP_VARIABLE
        return self.environment.with_variable(variable, type_), found


def rules(
    spec: Mapping[str, Any], path: str, environment: TypedEnvironment
) -> Iterator[FieldError]:
    """What is wrong with the validations before and after rendering."""
    for field in ("validations", "preRenderValidations"):
        for below, entry in reading.entries(spec.get(field), f"{path}.{field}"):
            place = Place(entry, below, environment, unwrapped=IN_TYPES)
            yield from place.required_condition("rule")
    field = "postRenderValidations"
    for below, entry in reading.entries(spec.get(field), f"{path}.{field}"):
        yield from _verdict(entry, below, environment)


def _verdict(
    entry: Mapping[str, Any], path: str, environment: TypedEnvironment
) -> Iterator[FieldError]:
    """A validation of rendered manifests."""
    place = Place(entry, path, environment)
    yield from place.condition("when")
    inner, problems = place.loop()
    yield from problems
    inner = inner or environment
    yield from target(entry.get("target"), f"{path}.target", inner)
    yield from Place(entry, path, _with_resource(inner)).required_condition("rule")
    if not entry.get("message"):
        yield fielderrors.required(f"{path}.message", "message is required")


def target(value: Any, path: str, environment: TypedEnvironment) -> Iterator[FieldError]:
    """What is wrong with the choice of manifests of a patch, a remove or a validation."""
    for field in ("version", "kind"):
        if not reading.text(reading.member(value, field)):
            yield fielderrors.required(f"{path}.{field}", f"{field} is required")
    where = reading.text(reading.member(value, "where"))
    if not where:
        return
    inner = templates.unwrapped(where)
    problem = celchecks.boolean_problem(
        _with_resource(environment), where if inner is None else inner
    )
    if problem:
        detail = f"where filter must return boolean: {problem}"
        yield fielderrors.invalid_value(f"{path}.where", where, detail)


def _with_resource(environment: TypedEnvironment) -> TypedEnvironment:
    return environment.with_variable(_RESOURCE, types.DYN)
