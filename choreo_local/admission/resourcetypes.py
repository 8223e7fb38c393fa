"""What is refused of ResourceTypes and ClusterResourceTypes; pure.

Public: `problems(…)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import fielderrors, gotext
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.cel import types
from choreo_local.rendering import template as templating
from choreo_local.rendering.errors import NestedExpressionError

from . import contexts, reading, schemas, templates
from .celchecks import Checked, ExpressionError, TypedEnvironment

Spec = Mapping[str, Any]

_OUTPUT_TEXTS = (
    ("value",),
    ("secretKeyRef", "name"),
    ("secretKeyRef", "key"),
    ("configMapKeyRef", "name"),
    ("configMapKeyRef", "key"),
)


def problems(spec: Spec, path: str) -> Iterator[FieldError]:
    """Everything that is wrong with a resource type."""
    sections = schemas.read(spec, path, loose_unions=False)
    yield from sections.problems
    resources = list(reading.entries(spec.get("resources"), f"{path}.resources"))
    declared = {reading.text(resource.get("id")) for _, resource in resources} - {""}
    in_templates = _Expressions(contexts.resource(sections.parameters, sections.configs), declared)
    afterwards = _Expressions(contexts.applied(sections.parameters, sections.configs), declared)
    for below, resource in resources:
        yield from in_templates.condition(resource.get("includeWhen"), f"{below}.includeWhen")
        yield from afterwards.condition(resource.get("readyWhen"), f"{below}.readyWhen")
        for place, text, _ in templates.iter_texts(resource.get("template"), f"{below}.template"):
            yield from in_templates.text(text, place)
    for below, output in reading.entries(spec.get("outputs"), f"{path}.outputs"):
        for names in _OUTPUT_TEXTS:
            text = reading.text(reading.member(output, *names))
            yield from afterwards.text(text, ".".join((below, *names)))


@dataclass(frozen=True, slots=True)
class _Expressions:
    """Checks expressions, and that they ask only for objects that the type declares."""

    environment: TypedEnvironment
    declared: Set[str]

    def condition(self, value: Any, path: str) -> Iterator[FieldError]:
        text = reading.text(value)
        if not text:
            return
        inner = templates.unwrapped(text) if text.startswith("${") else None
        if inner is None or text.rstrip() == "${}":
            yield fielderrors.invalid_value(path, text, "expression must be wrapped as ${...}")
            return
        try:
            checked = self.environment.check(inner)
        except ExpressionError as error:
            detail = f"CEL {error.problem}"
            yield fielderrors.invalid_value(path, text, detail)
            return
        if checked.type not in (types.BOOL, types.DYN):
            detail = f"expression must return bool, got {checked.type}"
            yield fielderrors.invalid_value(path, text, detail)
            return
        yield from self._unknown(checked, text, path)

    def text(self, text: str, path: str) -> Iterator[FieldError]:
        """What is wrong with the expressions in a text."""
        try:
            found = templating.scan(text)
        except NestedExpressionError as error:
            detail = f"failed to parse CEL expressions: {error.message}"
            yield fielderrors.invalid_value(path, text, detail)
            return
        for expression in found:
            try:
                checked = self.environment.check(expression.text)
            except ExpressionError as error:
                shown = fielderrors.quote(expression.text)
                detail = f"invalid CEL expression {shown}: {error.stage}: {error.message}"
                yield fielderrors.invalid_value(path, text, detail)
                continue
            yield from self._unknown(checked, expression.text, path)

    def _unknown(self, checked: Checked, shown: str, path: str) -> Iterator[FieldError]:
        unknown = sorted({*checked.fields, *checked.keys} - self.declared)
        if unknown:
            detail = (
                f"applied.<id> references unknown ids {gotext.plain(unknown)};"
                f" declared ids: {gotext.plain(sorted(self.declared))}"
            )
            yield fielderrors.invalid_value(path, shown, detail)
