"""Deduces and checks types; annotates the tree for the planner. Messages are those of cel-go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from choreo_local.cel import values
from choreo_local.cel.ast import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Message,
    Node,
    Select,
    qualified_name,
)
from choreo_local.cel.declarations import Function
from choreo_local.cel.errors import Issue
from choreo_local.cel.inference import Inference
from choreo_local.cel.macros import pieces
from choreo_local.cel.scope import Scope
from choreo_local.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    ERROR,
    INT,
    NULL,
    STRING,
    UINT,
    Kind,
    ObjectType,
    Type,
    list_of,
    map_of,
    optional_content,
    optional_of,
)

_CONSTANTS: dict[type, Type] = {
    bool: BOOL,
    int: INT,
    values.Uint: UINT,
    float: DOUBLE,
    str: STRING,
    bytes: BYTES,
    type(None): NULL,
}
# They take values of any types in one list, also where literals must be uniform.
_MIXING = frozenset({"format"})
_LOOSE = (Kind.DYN, Kind.ERROR, Kind.ANY)


class Checker:
    """One check of one tree.

    Attributes:
        issues: what is wrong; the tree may be used when it is empty.
        locals: names and types of the variables of loops, the innermost last.
        mixing: how many calls around this place take lists of values of any types.
    """

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.issues: list[Issue] = []
        self.inference = Inference()
        self.locals: list[tuple[str, Type]] = []
        self.mixing = 0

    def check(self, root: Node) -> Type:
        """Annotate the tree; the type of the whole."""
        return self.inference.resolved(_CHECKS[type(root)](self, root))

    def report(self, position: int, message: str) -> None:
        """Note a complaint."""
        self.issues.append(Issue(position, message))

    def joined(self, previous: Type | None, current: Type, at: Node) -> Type:
        """The type of the elements of a literal after one more of them."""
        found = self.inference.joined(previous, current)
        if found is not None:
            return found
        if self.scope.uniform_literals and not self.mixing:
            self.report(at.position, f"expected type '{previous}' but found '{current}'")
        return DYN

    def demand(self, node: Node, wanted: Type, given: Type) -> None:
        """Complain about a node whose type does not fit."""
        if not self.inference.assignable(wanted, given):
            self.report(node.position, f"expected type '{wanted}' but found '{given}'")


def _literal(checker: Checker, node: Literal) -> Type:
    node.type = _CONSTANTS[type(node.value)]
    return node.type


def _ident(checker: Checker, node: Ident) -> Type:
    name = node.name
    for known, type_ in reversed(checker.locals):
        if known == name:
            node.type = type_
            return type_
    found = checker.scope.variable(name)
    if found is None:
        return _undeclared(checker, node, name)
    full, node.type = found
    node.name = f".{full}"
    return node.type


def _undeclared(checker: Checker, node: Node, name: str) -> Type:
    container = checker.scope.container
    checker.report(node.position, f"undeclared reference to '{name}' (in container '{container}')")
    return ERROR


def _select(checker: Checker, node: Select) -> Type:
    if not node.test and checker.scope.dotted:
        name = _qualified(checker, node)
        found = checker.scope.variable(name) if name else None
        if found is not None:
            full, node.type = found
            node.variable = f".{full}"
            return node.type
    operand = node.operand
    type_ = _CHECKS[type(operand)](checker, operand)
    result = DYN if type_ is DYN else _field_type(checker, node, type_, node.field)
    node.type = BOOL if node.test else result
    return node.type


def _qualified(checker: Checker, node: Node) -> str | None:
    """The dotted name of a node whose root is not a variable of a loop."""
    name = qualified_name(node)
    if name is None:
        return None
    root = name.split(".", 1)[0]
    return None if any(root == known for known, _ in checker.locals) else name


def _field_type(checker: Checker, node: Node, operand: Type, field: str) -> Type:
    operand = checker.inference.bound(operand)
    content = optional_content(operand)
    target = operand if content is None else content
    result = DYN
    if target.kind is Kind.MAP:
        result = target.parameters[1]
    elif isinstance(target, ObjectType):
        found = target.fields.get(field)
        if found is None:
            checker.report(node.position, f"undefined field '{field}'")
            result = ERROR
        else:
            result = found.type
    elif target.kind is Kind.PARAMETER:
        checker.inference.assignable(DYN, target)
    elif target.kind not in _LOOSE:
        checker.report(node.position, f"type '{target}' does not support field selection")
    return result if content is None else optional_of(result)


def _call(checker: Checker, node: Call) -> Type:
    if node.function == "_?._":
        return _optional_select(checker, node)
    mixing = node.function in _MIXING
    checker.mixing += mixing
    given = []
    for argument in node.arguments:
        given.append(_CHECKS[type(argument)](checker, argument))  # noqa: PERF401 - one stack frame less
    checker.mixing -= mixing
    target = node.target
    if target is None:
        function = checker.scope.function(node.function)
        if function is None:
            return _undeclared(checker, node, node.function)
        return _resolve(checker, node, function, given, member=False)
    namespace = _qualified(checker, target)
    if namespace is not None:
        function = checker.scope.function(f"{namespace}.{node.function}")
        if function is not None:
            node.target = None
            node.function = function.name
            return _resolve(checker, node, function, given, member=False)
    given.insert(0, _CHECKS[type(target)](checker, target))
    function = checker.scope.function(node.function)
    if function is None:
        return _undeclared(checker, node, node.function)
    return _resolve(checker, node, function, given, member=True)


def _optional_select(checker: Checker, node: Call) -> Type:
    operand, field = node.arguments
    type_ = _CHECKS[type(operand)](checker, operand)
    if not (isinstance(field, Literal) and isinstance(field.value, str)):
        checker.report(node.position, f"unsupported optional field selection: {field}")
        return ERROR
    result = _field_type(checker, node, type_, field.value)
    node.type = result if optional_content(result) is not None else optional_of(result)
    return node.type


def _resolve(
    checker: Checker, node: Call, function: Function, given: list[Type], *, member: bool
) -> Type:
    """The overloads that fit, and the type they give."""
    node.function = function.name
    if any(type_.open for type_ in given):
        known = checker.inference.matching(function, given, member=member)
    else:
        key = (function, (member, *given))
        remembered = checker.scope.resolutions.get(key)
        known = remembered or checker.inference.matching(function, given, member=member)
        # A result that is open must have parameters of its own in each call.
        if remembered is None and (known[0] is None or not known[0].open):
            checker.scope.remember(key, known)
    result, node.overloads = known
    if result is None:
        _no_overload(checker, node, node.function, given, member=member)
        return ERROR
    node.type = result
    if function.inspect is not None:
        function.inspect(node, checker.report)
    return result


def _no_overload(
    checker: Checker, at: Node, function: str, given: Sequence[Type], *, member: bool = False
) -> None:
    shown = [str(checker.inference.resolved(type_)) for type_ in given]
    target = f"{shown.pop(0)}." if member else ""
    applied = f"'{target}({', '.join(shown)})'"
    checker.report(at.position, f"found no matching overload for '{function}' applied to {applied}")


def _list(checker: Checker, node: ListLiteral) -> Type:
    element: Type | None = None
    for index, part in enumerate(node.elements):
        type_ = _CHECKS[type(part)](checker, part)
        if index in node.optional:
            type_ = _unwrapped(checker, part, type_)
        element = checker.joined(element, type_, part)
    node.type = list_of(checker.inference.new_parameter() if element is None else element)
    return node.type


def _unwrapped(checker: Checker, node: Node, type_: Type) -> Type:
    """What an optional element or entry holds."""
    content = optional_content(type_)
    if content is not None:
        return content
    if type_.kind not in _LOOSE:
        checker.report(node.position, f"expected type '{optional_of(type_)}' but found '{type_}'")
    return type_


def _map(checker: Checker, node: MapLiteral) -> Type:
    key: Type | None = None
    value: Type | None = None
    for entry in node.entries:
        key = checker.joined(key, _CHECKS[type(entry.key)](checker, entry.key), entry.key)
        type_ = _CHECKS[type(entry.value)](checker, entry.value)
        if entry.optional:
            type_ = _unwrapped(checker, entry.value, type_)
        value = checker.joined(value, type_, entry.value)
    node.type = map_of(
        checker.inference.new_parameter() if key is None else key,
        checker.inference.new_parameter() if value is None else value,
    )
    return node.type


def _message(checker: Checker, node: Message) -> Type:
    found = checker.scope.message(node.name)
    if found is None:
        return _undeclared(checker, node, node.name)
    node.name, node.type = found.name, found.result
    for entry in node.entries:
        given = _CHECKS[type(entry.value)](checker, entry.value)
        if entry.optional:
            given = _unwrapped(checker, entry.value, given)
        assert isinstance(entry.key, Literal)
        field = entry.key.value
        wanted = found.fields.get(field)
        if wanted is None:
            checker.report(entry.position, f"undefined field '{field}'")
        elif not checker.inference.assignable(wanted, given):
            checker.report(
                entry.position,
                f"expected type of field '{field}' is '{wanted}' but provided type is '{given}'",
            )
    return node.type


def _comprehension(checker: Checker, node: Comprehension) -> Type:
    if node.shape == "map":
        return _mapped(checker, node)
    walked = _CHECKS[type(node.range)](checker, node.range)
    carried = _CHECKS[type(node.start)](checker, node.start)
    walked = checker.inference.bound(walked)
    depth = len(checker.locals)
    checker.locals.append((node.accumulator, carried))
    first, second = _walked(checker, node, walked)
    checker.locals.append((node.variable, first))
    if node.second:
        checker.locals.append((node.second, second))
    condition = _CHECKS[type(node.condition)](checker, node.condition)
    checker.demand(node.condition, BOOL, condition)
    step = _CHECKS[type(node.step)](checker, node.step)
    checker.demand(node.step, carried, step)
    del checker.locals[depth + 1 :]
    result = _CHECKS[type(node.result)](checker, node.result)
    del checker.locals[depth:]
    node.type = checker.inference.bound(result)
    return node.type


def _mapped(checker: Checker, node: Comprehension) -> Type:
    """A loop that makes a list: its type without the detour over the types of the fold."""
    walked = _CHECKS[type(node.range)](checker, node.range)
    walked = checker.inference.bound(walked)
    depth = len(checker.locals)
    first, second = _walked(checker, node, walked)
    checker.locals.append((node.variable, first))
    if node.second:
        checker.locals.append((node.second, second))
    condition, element = pieces(node)
    test = BOOL if condition is None else _CHECKS[type(condition)](checker, condition)
    assert element is not None
    made = list_of(_CHECKS[type(element)](checker, element))
    del checker.locals[depth:]
    if not checker.inference.assignable(test, BOOL):
        _no_overload(checker, node.step, "_?_:_", (test, made, made))
    node.type = made
    return made


def _walked(checker: Checker, node: Comprehension, type_: Type) -> tuple[Type, Type]:
    """The types of the loop's variables."""
    if type_.kind is Kind.LIST:
        element = type_.parameters[0]
        return (INT, element) if node.second else (element, element)
    if type_.kind is Kind.MAP:
        return type_.parameters[0], type_.parameters[1]
    if type_.kind in _LOOSE or type_.kind is Kind.PARAMETER:
        checker.inference.assignable(DYN, type_)
        return DYN, DYN
    checker.report(
        node.range.position,
        f"expression of type '{type_}' cannot be range of a comprehension"
        " (must be list, map, or dynamic)",
    )
    return ERROR, ERROR


_CHECKS: dict[type[Node], Callable[..., Type]] = {
    Literal: _literal,
    Ident: _ident,
    Select: _select,
    Call: _call,
    ListLiteral: _list,
    MapLiteral: _map,
    Message: _message,
    Comprehension: _comprehension,
}
