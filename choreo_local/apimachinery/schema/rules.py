"""`x-kubernetes-validations`: the CEL rules of a schema, compiled and evaluated.

`validation.Validator` runs them over objects; `rulechecks` compiles them when a CRD is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.equality import equal
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import fieldpaths, ruletypes
from choreo_local.apimachinery.schema.correlation import ABSENT, item_before, member_before
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.apimachinery.schema.problems import NO_PATH
from choreo_local.cel import types
from choreo_local.cel.environment import Environment, Program
from choreo_local.cel.errors import CompileError, CostExceededError, EvaluationError
from choreo_local.cel.types import DYN, Type
from choreo_local.cel.values import NONE, Optional

# What one rule may cost.
CALL_COST = 1_000_000
_MESSAGE_BYTES = 5 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule.

    Attributes:
        source: as written in the schema.
        program: None when it does not compile.
        problem: why it does not.
        message: of the messageExpression; None without one, or when it does not compile.
        message_problem: why that does not compile.
        compares: whether it looks at the old value.
        always: whether it is to run when there is no old value, as an optional.
    """

    source: Mapping[str, Any]
    program: Program | None
    problem: str
    message: Program | None
    message_problem: str
    compares: bool
    always: bool

    @property
    def text(self) -> str:
        """The expression."""
        return str(self.source.get("rule") or "").strip()


def of(schema: Structural, *, is_root: bool = False) -> tuple[Rule, ...]:
    """The rules of one node, compiled once."""
    key = "root rules" if is_root else "rules"
    found: tuple[Rule, ...] | None = schema.derived.get(key)
    if found is None:
        self_type = ruletypes.type_of(schema, is_root=is_root) or DYN
        compiled = (_compile(source, self_type) for source in schema.validations)
        found = schema.derived[key] = tuple(compiled)
    return found


def has_any(schema: Structural) -> bool:
    """Whether there are rules at or below a node."""
    found = schema.derived.get("has rules")
    if found is None:
        found = schema.any_below(lambda node: bool(node.validations))
        schema.derived["has rules"] = found
    return bool(found)


def _compile(source: Mapping[str, Any], self_type: Type) -> Rule:
    always = source.get("optionalOldSelf") is True
    text = str(source.get("rule") or "").strip()
    program, problem, compares = _compiled(text, self_type, always=always)
    if program is not None and program.result_type not in (types.BOOL, DYN):
        program, problem = None, "cel expression must evaluate to a bool"
    message, message_problem = None, ""
    expression = str(source.get("messageExpression") or "").strip()
    if expression:
        message, message_problem, looks_back = _compiled(expression, self_type, always=always)
        compares = compares or looks_back
        if message is not None and message.result_type not in (types.STRING, DYN):
            message, message_problem = None, "messageExpression must evaluate to a string"
    return Rule(source, program, problem, message, message_problem, compares, always)


def _compiled(text: str, self_type: Type, *, always: bool) -> tuple[Program | None, str, bool]:
    """The program of an expression, what is wrong with it, whether it uses the old value."""
    alone = {"self": self_type}
    try:
        return Environment(alone, libraries=ruletypes.LIBRARIES).compile(text), "", False
    except CompileError as error:
        if "oldSelf" not in text:
            return None, f"compilation failed: {error.message}", False
    old_type = types.optional_of(self_type) if always else self_type
    both = {**alone, "oldSelf": old_type}
    try:
        return Environment(both, libraries=ruletypes.LIBRARIES).compile(text), "", True
    except CompileError as error:
        return None, f"compilation failed: {error.message}", True


def validate(schema: Structural, value: Any, old: Any = ABSENT) -> list[FieldError]:
    """The rules that an object breaks.

    Args:
        schema: of the object.
        value: the object, valid by its schema.
        old: the stored object on an update; transition rules need it.
    """
    return list(_walk(_Subject(schema, value, old, ""), is_root=True))


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


def _walk(subject: _Subject, *, is_root: bool = False) -> Iterator[FieldError]:
    schema, value, old, path = subject
    if not has_any(schema):
        return
    if schema.validations and value is not None:
        yield from _node(subject, is_root=is_root)
    if isinstance(value, dict):
        for name, item in value.items():
            child = schema.property(name)
            if child is not None:
                below = _member_path(schema, path, name)
                yield from _walk(_Subject(child, item, member_before(old, name), below))
    elif isinstance(value, list) and schema.items is not None:
        for index, item in enumerate(value):
            before = item_before(schema, old, item)
            yield from _walk(_Subject(schema.items, item, before, f"{path}[{index}]"))


def _member_path(schema: Structural, path: str, name: str) -> str:
    if name not in schema.properties:
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def _node(subject: _Subject, *, is_root: bool) -> Iterator[FieldError]:
    has_old = subject.old is not ABSENT
    is_unchanged = has_old and equal(subject.old, subject.value)
    for rule in of(subject.schema, is_root=is_root):
        if rule.program is None:
            detail = f"rule compile error: {rule.problem}"
            yield fielderrors.invalid_value(subject.field, subject.shown, detail)
        elif not rule.compares:
            # What has not changed is not held against a rule that may be newer than the object.
            if not is_unchanged:
                yield from _evaluated(subject, rule, rule.program)
        elif has_old or rule.always:
            yield from _evaluated(subject, rule, rule.program)


def _evaluated(subject: _Subject, rule: Rule, program: Program) -> Iterator[FieldError]:
    try:
        variables = _variables(subject, rule)
        if program.evaluate(variables, cost_limit=CALL_COST) is not True:
            yield _broken(subject, rule, variables)
    except CostExceededError:
        detail = (
            "no further validation rules will be run due to call cost exceeds limit for rule: "
            f"{rule.text}"
        )
        yield fielderrors.invalid_value(subject.field, subject.shown, detail)
    except EvaluationError as error:
        detail = _failure(error.message, rule.text)
        yield fielderrors.invalid_value(subject.field, subject.shown, detail)


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


def _broken(subject: _Subject, rule: Rule, variables: Mapping[str, Any]) -> FieldError:
    detail, shown = _message(rule, variables), subject.shown
    path = fieldpaths.joined(subject.field, rule.source.get("fieldPath"))
    match rule.source.get("reason"):
        case "FieldValueForbidden":
            return fielderrors.forbidden(path, detail)
        case "FieldValueRequired":
            return fielderrors.required(path, detail)
        case "FieldValueDuplicate":
            return fielderrors.duplicate(path, shown)
        case _:
            return fielderrors.invalid_value(path, shown, detail)


def _message(rule: Rule, variables: Mapping[str, Any]) -> str:
    if rule.message is not None:
        try:
            text = rule.message.evaluate(variables, cost_limit=CALL_COST)
        except EvaluationError:
            text = ""
        if isinstance(text, str) and _is_usable(text):
            return text.strip()
    written = str(rule.source.get("message") or "").strip()
    return written or f"failed rule: {rule.text}"


def _is_usable(text: str) -> bool:
    fits = len(text.encode("utf-8", "surrogatepass")) <= _MESSAGE_BYTES
    return fits and bool(text.strip()) and "\n" not in text.strip()
