"""The syntax tree: made by the parser and by macros, annotated by the checker, read by the planner.

Every node knows the position of the token that names it, as messages show that place.
"""

from __future__ import annotations

from typing import Any

from choreo_local.cel.declarations import Overload
from choreo_local.cel.types import DYN, Type


class Node:
    """A part of an expression.

    Attributes:
        position: code points before its token.
        type: deduced by the checker; dyn without one.
    """

    __slots__ = ("position", "type")

    def __init__(self, position: int) -> None:
        self.position = position
        self.type: Type = DYN


class Literal(Node):
    """A constant; its value is in the representation of `values`."""

    __slots__ = ("value",)

    def __init__(self, position: int, value: Any) -> None:
        self.position = position
        self.type = DYN
        self.value = value


class Ident(Node):
    """A name; after the check the full one with a leading dot, but for variables of loops."""

    __slots__ = ("name",)

    def __init__(self, position: int, name: str) -> None:
        self.position = position
        self.type = DYN
        self.name = name


class Select(Node):
    """`operand.field`, or, as a test, whether it is there.

    Attributes:
        variable: the full name with a leading dot, where the checker found that the whole is one.
    """

    __slots__ = ("field", "operand", "test", "variable")

    def __init__(self, position: int, operand: Node, field: str, *, test: bool = False) -> None:
        self.position = position
        self.type = DYN
        self.operand = operand
        self.field = field
        self.test = test
        self.variable = ""


class Call(Node):
    """A call of a function or an operator, with a target when it is a method.

    Attributes:
        overloads: those that the checker found to fit; empty without a check.
    """

    __slots__ = ("arguments", "function", "overloads", "target")

    def __init__(
        self, position: int, function: str, arguments: list[Node], target: Node | None = None
    ) -> None:
        self.position = position
        self.type = DYN
        self.function = function
        self.arguments = arguments
        self.target = target
        self.overloads: tuple[Overload, ...] = ()


class ListLiteral(Node):
    """`[a, ?b]`; `optional` has the indexes of the elements that may be absent."""

    __slots__ = ("elements", "optional")

    def __init__(
        self, position: int, elements: list[Node], optional: frozenset[int] = frozenset()
    ) -> None:
        self.position = position
        self.type = DYN
        self.elements = elements
        self.optional = optional


class Entry:
    """`key: value` of a map or `field: value` of a message, possibly `?key: value`."""

    __slots__ = ("key", "optional", "position", "value")

    def __init__(self, position: int, key: Node, value: Node, *, optional: bool) -> None:
        self.position = position
        self.key = key
        self.value = value
        self.optional = optional


class MapLiteral(Node):
    """`{a: b, ?c: d}`."""

    __slots__ = ("entries",)

    def __init__(self, position: int, entries: list[Entry]) -> None:
        self.position = position
        self.type = DYN
        self.entries = entries


class Message(Node):
    """`some.Type{field: value}`; the keys of its entries are string literals."""

    __slots__ = ("entries", "name")

    def __init__(self, position: int, name: str, entries: list[Entry]) -> None:
        self.position = position
        self.type = DYN
        self.name = name
        self.entries = entries


class Comprehension(Node):
    """A fold over a list or a map; all loops are macros for this.

    Attributes:
        range: what to walk.
        variable: bound to each element or key; with `second` to the index or key.
        second: bound to each element or value; empty in the one-variable form.
        accumulator: the name of the value that is carried along.
        start: its first value.
        condition: whether to go on, looked at before each step.
        step: its next value.
        result: computed from it in the end.
        shape: the name of the macro where the planner has a faster way than the fold, else empty.
    """

    __slots__ = (
        "accumulator",
        "condition",
        "range",
        "result",
        "second",
        "shape",
        "start",
        "step",
        "variable",
    )

    def __init__(
        self,
        position: int,
        range_: Node,
        variable: str,
        *,
        accumulator: str,
        start: Node,
        condition: Node,
        step: Node,
        result: Node,
        second: str = "",
        shape: str = "",
    ) -> None:
        self.position = position
        self.type = DYN
        self.range = range_
        self.variable = variable
        self.second = second
        self.accumulator = accumulator
        self.start = start
        self.condition = condition
        self.step = step
        self.result = result
        self.shape = shape


def qualified_name(node: Node) -> str | None:
    """`a.b.c` when the node is nothing but that."""
    fields: list[str] = []
    while type(node) is Select and not node.test:
        fields.append(node.field)
        node = node.operand
    if type(node) is not Ident:
        return None
    fields.append(node.name)
    fields.reverse()
    return ".".join(fields)


def children(node: Node) -> list[Node]:
    """The nodes right below a node."""
    if isinstance(node, Call):
        return node.arguments if node.target is None else [node.target, *node.arguments]
    if isinstance(node, Select):
        return [node.operand]
    if isinstance(node, ListLiteral):
        return node.elements
    if isinstance(node, MapLiteral | Message):
        return [part for entry in node.entries for part in (entry.key, entry.value)]
    if isinstance(node, Comprehension):
        return [node.range, node.start, node.condition, node.step, node.result]
    return []


def depth(root: Node, limit: int) -> int:
    """The number of levels of a tree; counting stops above a limit."""
    levels = 0
    level = [root]
    while level and levels <= limit:
        levels += 1
        level = [child for node in level for child in children(node)]
    return levels
