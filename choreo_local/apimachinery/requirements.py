"""The conditions that label selectors consist of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from choreo_local.apimachinery import fielderrors, names
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.errors import BadRequestError


class Operator(StrEnum):
    """How a label relates to the values of a requirement."""

    IN = "in"
    NOT_IN = "notin"
    EQUALS = "="
    DOUBLE_EQUALS = "=="
    NOT_EQUALS = "!="
    GREATER = "gt"
    LESS = "lt"
    EXISTS = "exists"
    DOES_NOT_EXIST = "!"


_SIGNS = {Operator.GREATER: ">", Operator.LESS: "<"}
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels fulfils the condition."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.EXISTS:
                return value is not None
            case Operator.DOES_NOT_EXIST:
                return value is None
            case Operator.IN | Operator.EQUALS | Operator.DOUBLE_EQUALS:
                return value in self.values
            case Operator.NOT_IN | Operator.NOT_EQUALS:
                return value not in self.values
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        actual = None if value is None else _integer(value)
        limit = _integer(self.values[0])
        if actual is None or limit is None:
            return False
        return actual > limit if self.operator is Operator.GREATER else actual < limit

    def __str__(self) -> str:
        """As in a query; values sorted."""
        if self.operator is Operator.EXISTS:
            return self.key
        if self.operator is Operator.DOES_NOT_EXIST:
            return f"!{self.key}"
        listed = ",".join(sorted(self.values))
        if self.operator in (Operator.IN, Operator.NOT_IN):
            return f"{self.key} {self.operator} ({listed})"
        return f"{self.key}{_SIGNS.get(self.operator, self.operator)}{listed}"


def requirement(key: str, operator: Operator, values: Iterable[str]) -> Requirement:
    """A checked requirement; BadRequestError with all that is wrong with it."""
    found = Requirement(key, operator, tuple(sorted(set(values))))
    problems = list(_problems(found))
    if problems:
        texts = [f"{problem.field}: {problem.message}" for problem in problems]
        raise BadRequestError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    return found


def _problems(found: Requirement) -> Iterator[FieldError]:
    yield from key_problems(found.key, "key")
    if found.operator in (Operator.GREATER, Operator.LESS):
        detail = "for 'Gt', 'Lt' operators, the value must be an integer"
        for index, value in enumerate(found.values):
            if _integer(value) is None:
                yield fielderrors.invalid_value(f"values[{index}]", value, detail)
    for index, value in enumerate(found.values):
        texts = names.label_value(value)
        if texts:
            field = f"values[{index}][{found.key}]"
            yield fielderrors.invalid_value(field, value, "; ".join(texts))


def key_problems(key: str, field: str) -> list[FieldError]:
    """What is wrong with the key of a requirement."""
    texts = names.qualified_name(key)
    return [fielderrors.invalid_value(field, key, "; ".join(texts))] if texts else []
