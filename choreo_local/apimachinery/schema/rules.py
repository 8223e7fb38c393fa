"""`x-kubernetes-validations`: the CEL rules of a schema, compiled.

`rulings` evaluates them over objects; `rulechecks` tells what is wrong with those of a CRD.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery.schema import ruletypes
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.cel import types
from choreo_local.cel.ast import Node
from choreo_local.cel.environment import Environment, Program
from choreo_local.cel.errors import CompileError
from choreo_local.cel.types import DYN, Type


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


def trees(schema: Structural, rule: Rule, *, is_root: bool = False) -> dict[str, Node]:
    """The checked trees of what compiles of a rule: of `rule` and of `messageExpression`."""
    self_type = ruletypes.type_of(schema, is_root=is_root) or DYN
    variables = {"self": self_type}
    if rule.compares:
        variables["oldSelf"] = types.optional_of(self_type) if rule.always else self_type
    environment = Environment(variables, libraries=ruletypes.LIBRARIES)
    programs = {"rule": rule.program, "messageExpression": rule.message}
    return {
        field: environment.tree(program.text)
        for field, program in programs.items()
        if program is not None
    }


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
