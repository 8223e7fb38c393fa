"""`string.format(list)`: templates with clauses, read at evaluation and, if constant, before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from choreo_local.cel.ast import Call, ListLiteral, Literal, MapLiteral, Node
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.clauses import ACCEPTED, FORMATS, REFUSALS, RefusedError
from choreo_local.cel.types import Kind
from choreo_local.cel.values import type_name

_DIGITS = re.compile(r"[0-9]*", re.ASCII)
_HIGHEST_PRECISION = 100
_TYPE_NAMES = {
    Kind.NULL: "null_type",
    Kind.TIMESTAMP: "google.protobuf.Timestamp",
    Kind.DURATION: "google.protobuf.Duration",
}


def formatted(template: str, arguments: list[Any]) -> str:
    """The template with its clauses replaced by the arguments; further arguments do not count."""
    parts: list[str] = []
    used = 0
    for literal, clause in _clauses(template, len(arguments)):
        parts.append(literal)
        if clause is not None:
            value = arguments[used]
            try:
                parts.append(FORMATS[clause.letter](value, clause.precision))
            except RefusedError as refused:
                name = type_name(refused.value)
                raise EvaluationError(_refusal(clause.letter, name)) from None
            used += 1
    return "".join(parts)


def inspect(call: Call, report: Callable[[int, str], None]) -> None:
    """Complain about a call whose template and arguments are written out and do not fit."""
    template, arguments = call.target, call.arguments[0]
    if not (isinstance(template, Literal) and isinstance(arguments, ListLiteral)):
        return
    used = 0
    try:
        for _, clause in _clauses(template.value, len(arguments.elements)):
            if clause is None:
                continue
            wrong = _unfit(clause.letter, arguments.elements[used])
            if wrong is not None:
                name = _TYPE_NAMES.get(wrong.type.kind, wrong.type.name)
                report(wrong.position, _refusal(clause.letter, name))
                return
            used += 1
    except EvaluationError as error:
        report(call.position, error.message)
        return
    if used < len(arguments.elements):
        given = len(arguments.elements)
        report(
            call.position,
            f"too many arguments supplied to string.format (expected {used}, got {given})",
        )


def _unfit(letter: str, argument: Node) -> Node | None:
    """The part of an argument whose type a clause does not accept."""
    pending = [argument]
    while pending:
        node = pending.pop(0)
        if node.type.kind not in ACCEPTED[letter] and node.type.kind is not Kind.DYN:
            return node
        if letter == "s":
            if isinstance(node, ListLiteral):
                pending.extend(node.elements)
            elif isinstance(node, MapLiteral):
                pending.extend(part for entry in node.entries for part in (entry.key, entry.value))
    return None


class _Clause(NamedTuple):
    """What stands after a percent sign."""

    letter: str
    precision: int | None


def _clauses(template: str, count: int) -> Iterator[tuple[str, _Clause | None]]:
    """Pieces of text, each with the clause after it; there must be arguments for all clauses."""
    end, used = 0, 0
    while (start := template.find("%", end)) >= 0:
        literal = template[end:start]
        if template.startswith("%", start + 1):
            yield literal + "%", None
            end = start + 2
            continue
        if used >= count:
            raise EvaluationError(f"index {used} out of range")
        if start + 1 == len(template):
            raise EvaluationError("unexpected end of string")
        clause, end = _clause(template, start + 1)
        yield literal, clause
        used += 1
    yield template[end:], None


def _clause(template: str, start: int) -> tuple[_Clause, int]:
    precision: int | None = None
    if template[start] == ".":
        digits = _DIGITS.match(template, start + 1)
        assert digits is not None
        start = digits.end()
        precision = _precision(digits[0])
    letter = template[start : start + 1]
    if not letter:
        raise _unparsed("could not find formatting clause")
    if letter not in FORMATS:
        raise _unparsed(f'unrecognized formatting clause "{letter}"')
    return _Clause(letter, precision), start + 1


def _precision(digits: str) -> int:
    if not digits:
        raise _unparsed(
            "error while parsing precision: error while converting precision to integer:"
            ' strconv.Atoi: parsing "": invalid syntax'
        )
    if len(digits) > 4 or int(digits) > _HIGHEST_PRECISION:
        raise _unparsed(f"error while parsing precision: precision exceeds {_HIGHEST_PRECISION}")
    return int(digits)


def _unparsed(reason: str) -> EvaluationError:
    return EvaluationError(f"could not parse formatting clause: {reason}")


def _refusal(letter: str, name: str) -> str:
    return f"error during formatting: {REFUSALS[letter]}, was given {name}"
