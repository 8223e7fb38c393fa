"""What the rules of `x-kubernetes-validations` say about an object.

`validation.Validator` asks once an object is valid by its schema. All rules of an object share
one budget: when it is used up, the object is refused and no further rule is run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.equality import equal
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import fieldpaths, rules, ruletypes
from choreo_local.apimachinery.schema.correlation import ABSENT, item_before, member_before
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.schema.problems import NO_PATH
from choreo_local.apimachinery.schema.rules import Rule
from choreo_local.cel.environment import Program
from choreo_local.cel.errors import CostExceededError, EvaluationError
from choreo_local.cel.values import NONE, Optional

# What one evaluation may cost, and all of an object together.
CALL_COST = 1_000_000
OBJECT_COST = 10_000_000
_MESSAGE_BYTES = 5 * 1024
_TOO_DEAR = "no further validation rules will be run due to call cost exceeds limit for"
_EXHAUSTED = {
    "rule": "validation failed due to running out of cost budget, "
    "no further validation rules will be run",
    "messageExpression": "messageExpression evaluation failed due to running out of cost budget",
}


def validate(
    schema: Structural, value: Any, old: Any = ABSENT, *, budget: int = OBJECT_COST
) -> list[FieldError]:
    """The rules that an object breaks.

    Args:
        schema: of the object.
        value: the object, valid by its schema.
        old: the stored object on an update; transition rules need it.
        budget: what all its rules together may cost.
    """
    rulings = _Rulings(budget)
    try:
        rulings.walk(_Subject(schema, value, old, ""), is_root=True)
    except _StoppedError as stopped:
        rulings.found.append(stopped.error)
    return rulings.found


class _StoppedError(Exception):
    """No further rule may be run."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.message)
        self.error = error


class _Subject(NamedTuple):
    """A value that rules are about."""

    schema: Structural
    value: Any
    old: Any
    path: str

    @property
    def field(self) -> str:
        """The field that errors name."""
        return self.path or NO_PATH

    @property
    def shown(self) -> Any:
        """The value that errors show: structures are left out."""
        return fielderrors.OMITTED if isinstance(self.value, dict | list) else self.value

    def refused(self, detail: str) -> FieldError:
        """The error that the value is invalid."""
        return fielderrors.invalid_value(self.field, self.shown, detail)


class _Expression(NamedTuple):
    """What is evaluated for a rule: the rule itself, or its messageExpression."""

    program: Program
    kind: str
    text: str


class _Rulings:
    """One walk over an object."""

    def __init__(self, budget: int) -> None:
        self.found: list[FieldError] = []
        self._left = budget

    def walk(self, subject: _Subject, *, is_root: bool = False) -> None:
        """Ask the rules of a value and of all below."""
        schema, value, old, path = subject
        if not rules.has_any(schema):
            return
        if schema.validations and value is not None:
            self._ask(subject, is_root=is_root)
        if isinstance(value, dict):
            for name, item in value.items():
                child = schema.property(name)
                if child is not None:
                    below = _member_path(schema, path, name)
                    self.walk(_Subject(child, item, member_before(old, name), below))
        elif isinstance(value, list) and schema.items is not None:
            for index, item in enumerate(value):
                before = item_before(schema, old, item)
                self.walk(_Subject(schema.items, item, before, f"{path}[{index}]"))

    def _ask(self, subject: _Subject, *, is_root: bool) -> None:
        has_old = subject.old is not ABSENT
        is_unchanged = has_old and equal(subject.old, subject.value)
        for rule in rules.of(subject.schema, is_root=is_root):
            if rule.program is None:
                self.found.append(subject.refused(f"rule compile error: {rule.problem}"))
            elif not rule.compares:
                # What has not changed is not held against a rule that may be newer than it.
                if not is_unchanged:
                    self._judge(subject, rule, rule.program)
            elif has_old or rule.always:
                self._judge(subject, rule, rule.program)

    def _judge(self, subject: _Subject, rule: Rule, program: Program) -> None:
        try:
            variables = _variables(subject, rule)
            expression = _Expression(program, "rule", rule.text)
            if self._evaluated(subject, expression, variables) is not True:
                self.found.append(self._broken(subject, rule, variables))
        except EvaluationError as error:
            self.found.append(subject.refused(_failure(error.message, rule.text)))

    def _evaluated(
        self, subject: _Subject, expression: _Expression, variables: Mapping[str, Any]
    ) -> Any:
        """The value of an expression, whose cost is paid."""
        program, kind, text = expression
        try:
            value, cost = program.measure(variables, cost_limit=CALL_COST)
        except EvaluationError as error:
            self._pay(subject, kind, error.cost)
            if not isinstance(error, CostExceededError):
                raise
            raise _StoppedError(subject.refused(f"{_TOO_DEAR} {kind}: {text}")) from None
        self._pay(subject, kind, cost)
        return value

    def _pay(self, subject: _Subject, kind: str, cost: int) -> None:
        self._left -= cost
        if self._left < 0:
            raise _StoppedError(subject.refused(_EXHAUSTED[kind]))

    def _broken(self, subject: _Subject, rule: Rule, variables: Mapping[str, Any]) -> FieldError:
        detail = self._message(subject, rule, variables)
        path = fieldpaths.joined(subject.field, rule.source.get("fieldPath"))
        match rule.source.get("reason"):
            case "FieldValueForbidden":
                return fielderrors.forbidden(path, detail)
            case "FieldValueRequired":
                return fielderrors.required(path, detail)
            case "FieldValueDuplicate":
                return fielderrors.duplicate(path, subject.shown)
            case _:
                return fielderrors.invalid_value(path, subject.shown, detail)

    def _message(self, subject: _Subject, rule: Rule, variables: Mapping[str, Any]) -> str:
        if rule.message is not None:
            written = str(rule.source["messageExpression"])
            expression = _Expression(rule.message, "messageExpression", written)
            try:
                text = self._evaluated(subject, expression, variables)
            except EvaluationError:
                text = ""
            if isinstance(text, str) and _is_usable(text):
                return text.strip()
        written = str(rule.source.get("message") or "").strip()
        return written or f"failed rule: {rule.text}"


def _member_path(schema: Structural, path: str, name: str) -> str:
    if name not in schema.properties:
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _variables(subject: _Subject, rule: Rule) -> dict[str, Any]:
    schema, value, old, _ = subject
    variables = {"self": ruletypes.value_of(schema, value)}
    if rule.compares:
        before = NONE if old is ABSENT else ruletypes.value_of(schema, old)
        if rule.always and old is not ABSENT:
            before = Optional(before)
        variables["oldSelf"] = before
    return variables


def _failure(problem: str, text: str) -> str:
    if problem.startswith("no such overload"):
        return (
            f"'{problem}': call arguments did not match a supported operator, function or macro "
            f"signature for rule: {text}"
        )
    return f"{problem} evaluating rule: {text}"


def _is_usable(text: str) -> bool:
    fits = len(text.encode("utf-8", "surrogatepass")) <= _MESSAGE_BYTES
    return fits and bool(text.strip()) and "\n" not in text.strip()
