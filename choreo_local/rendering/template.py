"""Templates: JSON trees with CEL expressions in `${…}`; pure.

A string that is one expression becomes its value, of whatever type; expressions inside a longer
string become text. Keys may hold expressions too. `oc_omit()` drops the entry or element it stands
for. All pipelines render through a `Scope`; admission walks the same trees with `iter_expressions`.

Public: `Scope(variables, dialect)`, `Scope.render(template)`, `Scope.bound(**variables)`,
`Scope.evaluate(expression)`, `scan(text)`, `iter_expressions(template)`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.cel.environment import Program
from choreo_local.cel.errors import CompileError, EvaluationError

from . import functions, printing, results, values
from .errors import (
    ExpressionCompileError,
    ExpressionEvaluationError,
    NestedExpressionError,
    RenderError,
)
from .functions import Dialect

_TOO_DEEP = f"template is nested deeper than {values.MAX_DEPTH} levels"

# Longer strings are scanned each time: kept, they would outweigh what the scan costs.
_LONGEST_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression found in a string.

    Attributes:
        start: where its `${` begins.
        end: one past its `}`.
        text: what stands between, not trimmed.
    """

    start: int
    end: int
    text: str


class Scope:
    """The variables that templates see, and the rendering of templates with them."""

    __slots__ = ("_dialect", "_names", "_variables")

    def __init__(self, variables: Mapping[str, Any], dialect: Dialect = Dialect.BASE) -> None:
        self._variables = variables
        self._names = tuple(sorted(variables))
        self._dialect = dialect

    @property
    def variables(self) -> Mapping[str, Any]:
        """The variables by name."""
        return self._variables

    def bound(self, **variables: Any) -> Scope:
        """The same scope with further variables, which hide others of their names."""
        return Scope({**self._variables, **variables}, self._dialect)

    def render(self, template: Any) -> Any:
        """The value of a template; the omit sentinel when the whole of it is omitted.

        Raises:
            RenderError: an expression fails, or a key does not become a string.
        """
        return self._rendered(template, values.MAX_DEPTH)

    def render_object(self, template: Any) -> dict[str, Any]:
        """The value of a template that must become a manifest, without what is omitted.

        Raises:
            RenderError: it does not become an object, or an expression fails.
        """
        rendered = values.without_omitted(self.render(template))
        if isinstance(rendered, dict):
            return rendered
        raise RenderError(f"must render to object, got {printing.type_name(rendered)}")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, without the `${}`.

        Raises:
            ExpressionCompileError: it is not valid with these variables.
            ExpressionEvaluationError: it fails on their values.
        """
        program = _program(self._names, self._dialect, expression)
        try:
            return results.native(program.evaluate(self._variables))
        except EvaluationError as error:
            raise ExpressionEvaluationError(
                f"CEL evaluation error in expression '{expression}': {error.message}"
            ) from error

    def _rendered(self, template: Any, depth: int) -> Any:
        if isinstance(template, str):
            return self._string(template)
        if not isinstance(template, dict | list):
            return template
        if depth <= 0:
            raise RenderError(_TOO_DEEP)
        if isinstance(template, dict):
            return self._object(template, depth)
        items = (self._rendered(item, depth - 1) for item in template)
        return [item for item in items if item is not values.OMIT]

    def _object(self, template: dict[str, Any], depth: int) -> dict[str, Any]:
        result = {}
        for key, value in template.items():
            rendered_key = self._key(key) if "${" in key else key
            rendered = self._rendered(value, depth - 1)
            if rendered is not values.OMIT:
                result[rendered_key] = rendered
        return result

    def _key(self, key: str) -> str:
        rendered = self._string(key)
        if isinstance(rendered, str):
            return rendered
        kind, shown = printing.type_name(rendered), printing.plain_text(rendered)
        raise RenderError(f"dynamic map key '{key}' must evaluate to a string, got {kind}: {shown}")

    def _string(self, text: str) -> Any:
        if "${" not in text:
            return text
        found = scan(text)
        if not found:
            return text
        if len(found) == 1 and text[found[0].start : found[0].end] == text.strip():
            return self.evaluate(found[0].text)
        parts, end = [], 0
        for expression in found:
            parts.append(text[end : expression.start])
            parts.append(printing.interpolated(self.evaluate(expression.text)))
            end = expression.end
        return "".join([*parts, text[end:]])


def scan(text: str) -> tuple[Expression, ...]:
    """The expressions of a string, in order; what never closes is plain text.

    Raises:
        NestedExpressionError: an expression begins inside another, outside of quotes.
    """
    return _kept_scan(text) if len(text) <= _LONGEST_KEPT else _scan(text)


def _scan(text: str) -> tuple[Expression, ...]:
    found = []
    start = text.find("${")
    while start >= 0:
        end = _closing(text, start)
        if end < 0:
            break
        found.append(Expression(start, end, text[start + 2 : end - 1]))
        start = text.find("${", end)
    return tuple(found)


def iter_expressions(
    template: Any, path: str = "", *, depth: int = values.MAX_DEPTH
) -> Iterator[tuple[str, Expression]]:
    """Every expression of a template, in keys too, with the path of the value it stands in."""
    if depth <= 0:
        raise RenderError(_TOO_DEEP)
    if isinstance(template, str):
        for expression in scan(template):
            yield path, expression
    elif isinstance(template, dict):
        for key, value in template.items():
            below = f"{path}.{key}" if path else key
            for expression in scan(key):
                yield below, expression
            yield from iter_expressions(value, below, depth=depth - 1)
    elif isinstance(template, list):
        for index, item in enumerate(template):
            yield from iter_expressions(item, f"{path}[{index}]", depth=depth - 1)


def _closing(text: str, start: int) -> int:
    """One past the brace that closes the expression at `start`; -1 when none does."""
    depth, quote, is_escaped, position = 1, "", False, start + 2
    while position < len(text):
        char = text[position]
        if quote:
            if char == quote and not is_escaped:
                quote = ""
            is_escaped = char == "\\" and not is_escaped
        elif char in "'\"":
            quote = char
        elif text.startswith("${", position):
            shown = text[start : position + 2]
            raise NestedExpressionError(f"nested CEL expressions must be quoted: {shown}")
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return -1


_kept_scan = functools.lru_cache(maxsize=4096)(_scan)


@functools.lru_cache(maxsize=2000)
def _program(names: tuple[str, ...], dialect: Dialect, expression: str) -> Program:
    try:
        return functions.environment(names, dialect).compile(expression)
    except CompileError as error:
        raise ExpressionCompileError(
            f"CEL compilation error in expression '{expression}': {error.message}"
        ) from error
