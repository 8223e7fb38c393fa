"""Label and field selectors: parse, match, print, with kube-apiserver's error texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import fielderrors, names, selectorgrammar
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.requirements import Operator, Requirement, requirement
from choreo_local.errors import BadRequestError


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Conditions on labels that must all hold; without any it selects everything."""

    requirements: tuple[Requirement, ...] = ()
    selects_nothing: bool = False

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels is selected."""
        if self.selects_nothing:
            return False
        return all(condition.matches(labels or {}) for condition in self.requirements)

    @property
    def is_empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements and not self.selects_nothing

    def __str__(self) -> str:
        """As in a query."""
        return ",".join(map(str, self.requirements))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(selects_nothing=True)


def ordered(requirements: Iterable[Requirement]) -> LabelSelector:
    """A selector of these requirements, sorted by key."""
    return LabelSelector(tuple(sorted(requirements, key=lambda condition: condition.key)))


def parse_labels(text: str) -> LabelSelector:
    """Read a label selector; BadRequestError when it is none."""
    return ordered(selectorgrammar.parse(text))


def from_map(labels: Mapping[str, str] | None) -> LabelSelector:
    """Selects objects that have all these labels, e.g. the selector of a Service."""
    return ordered(
        Requirement(key, Operator.EQUALS, (value,)) for key, value in (labels or {}).items()
    )


_EXPRESSIONS = {
    "In": Operator.IN,
    "NotIn": Operator.NOT_IN,
    "Exists": Operator.EXISTS,
    "DoesNotExist": Operator.DOES_NOT_EXIST,
}


def from_dict(selector: Mapping[str, Any] | None) -> LabelSelector:
    """Read a `metav1.LabelSelector`: null selects nothing, an empty one everything.

    Raises:
        BadRequestError: an operator is unknown, or a key or value malformed.
    """
    if selector is None:
        return NOTHING
    found = list(from_map(selector.get("matchLabels")).requirements)
    for expression in selector.get("matchExpressions") or ():
        operator = _EXPRESSIONS.get(expression.get("operator", ""))
        if operator is None:
            shown = fielderrors.shown(expression.get("operator", ""))
            raise BadRequestError(f"{shown} is not a valid label selector operator")
        values = expression.get("values") or ()
        found.append(requirement(expression.get("key", ""), operator, values))
    return ordered(found)


def errors_of(selector: Mapping[str, Any], field: str) -> list[FieldError]:
    """The problems of a `metav1.LabelSelector` in an object."""
    found = names.label_errors(selector.get("matchLabels") or {}, f"{field}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        found += _expression_errors(expression, f"{field}.matchExpressions[{index}]")
    return found


def _expression_errors(expression: Mapping[str, Any], field: str) -> list[FieldError]:
    found: list[FieldError] = []
    operator, values = expression.get("operator", ""), expression.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            found.append(fielderrors.required(f"{field}.values", detail))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(fielderrors.forbidden(f"{field}.values", detail))
    else:
        detail = "not a valid selector operator"
        found.append(fielderrors.invalid_value(f"{field}.operator", operator, detail))
    key = expression.get("key", "")
    found += [
        fielderrors.invalid_value(f"{field}.key", key, text) for text in names.qualified_name(key)
    ]
    for index, value in enumerate(values):
        found += [
            fielderrors.invalid_value(f"{field}.values[{index}]", value, text)
            for text in names.label_value(value)
        ]
    return found


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition on one field."""

    field: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        """As in a query."""
        return f"{self.field}{'!=' if self.negated else '='}{_escape(self.value)}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Conditions on fields that must all hold; without any it selects everything."""

    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, fields: Mapping[str, str]) -> bool:
        """Whether an object with these field values is selected; a missing one is empty."""
        return all(
            (fields.get(condition.field, "") == condition.value) is not condition.negated
            for condition in self.requirements
        )

    @property
    def is_empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements

    def exact(self, field: str) -> str | None:
        """The one value that a field must have, if the selector asks for one."""
        for condition in self.requirements:
            if condition.field == field and not condition.negated:
                return condition.value
        return None

    def __str__(self) -> str:
        """As in a query."""
        return ",".join(map(str, self.requirements))


_TERM = re.compile(r"((?:(?!!=|==|=).)*)(!=|==|=)(.*)", re.DOTALL)
_PARTS = re.compile(r"((?:\\.|[^,\\])*\\?)(?:,|$)", re.DOTALL)


def parse_fields(text: str) -> FieldSelector:
    """Read a field selector; BadRequestError when it is none."""
    found: list[FieldRequirement] = []
    for part in filter(None, (match[1] for match in _PARTS.finditer(text))):
        term = _TERM.fullmatch(part)
        if term is None:
            raise BadRequestError(f"invalid selector: '{text}'; can't understand '{part}'")
        found.append(FieldRequirement(term[1], _unescape(term[3]), negated=term[2] == "!="))
    return FieldSelector(tuple(found))


def _unescape(value: str) -> str:
    plain: list[str] = []
    characters = iter(value)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if escaped not in ("\\", ",", "=") or not escaped:
                raise BadRequestError(
                    f"invalid field selector: invalid escape sequence: \\{escaped}"
                )
            plain.append(escaped)
        elif character in ",=":
            raise BadRequestError(
                f"invalid field selector: unescaped character in value: {ord(character)}"
            )
        else:
            plain.append(character)
    return "".join(plain)


def _escape(value: str) -> str:
    return re.sub(r"([\\,=])", r"\\\1", value)
