"""The macros of the language itself, and the parts from which libraries make theirs."""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.cel.ast import Call, Comprehension, Ident, ListLiteral, Literal, Node, Select
from choreo_local.cel.declarations import Expansion, Macro

# No text can spell these names, so they hide nothing.
ACCUMULATOR = "@result"
UNUSED = "#unused"

NOT_STRICTLY_FALSE = "@not_strictly_false"


def variable_name(
    expansion: Expansion, argument: Node, message: str = "argument must be a simple name"
) -> str | None:
    """The variable that an argument introduces; complains when it is something else."""
    if type(argument) is not Ident or argument.name.startswith("."):
        expansion.error(message, argument)
        return None
    return argument.name


def bound(position: int, name: str, value: Node, body: Node) -> Node:
    """The body, with a name for a value."""
    return Comprehension(
        position,
        ListLiteral(position, []),
        UNUSED,
        accumulator=name,
        start=value,
        condition=Literal(position, value=False),
        step=Ident(position, name),
        result=body,
        shape="bind",
    )


def quantifier(
    shape: str, position: int, target: Node, names: Sequence[str], predicate: Node
) -> Node:
    """`all`, `exists` or `exists_one` with one or two variables."""
    carried = Ident(position, ACCUMULATOR)
    result: Node = carried
    start: Node
    if shape == "all":
        start = Literal(position, value=True)
        going: Node = carried
        step: Node = Call(position, "_&&_", [carried, predicate])
    elif shape == "exists":
        start = Literal(position, value=False)
        going = Call(position, "!_", [carried])
        step = Call(position, "_||_", [carried, predicate])
    else:
        start = Literal(position, 0)
        going = Literal(position, value=True)
        one = Literal(position, 1)
        step = Call(position, "_?_:_", [predicate, Call(position, "_+_", [carried, one]), carried])
        result = Call(position, "_==_", [carried, one])
    condition = going if shape == "exists_one" else Call(position, NOT_STRICTLY_FALSE, [going])
    return Comprehension(
        position,
        target,
        names[0],
        second=names[1] if len(names) > 1 else "",
        accumulator=ACCUMULATOR,
        start=start,
        condition=condition,
        step=step,
        result=result,
        shape=shape,
    )


def collection(
    position: int,
    target: Node,
    names: Sequence[str],
    *,
    start: Node,
    step: Node,
    condition: Node | None,
    shape: str,
) -> Node:
    """A fold that adds something for each element, or for each that fulfils a condition."""
    carried = Ident(position, ACCUMULATOR)
    if condition is not None:
        step = Call(position, "_?_:_", [condition, step, carried])
    return Comprehension(
        position,
        target,
        names[0],
        second=names[1] if len(names) > 1 else "",
        accumulator=ACCUMULATOR,
        start=start,
        condition=Literal(position, value=True),
        step=step,
        result=carried,
        shape=shape,
    )


def mapped(
    position: int, target: Node, names: Sequence[str], condition: Node | None, element: Node
) -> Node:
    """A list with an element made from each one."""
    addition = ListLiteral(position, [element])
    return collection(
        position,
        target,
        names,
        start=ListLiteral(position, []),
        step=Call(position, "_+_", [Ident(position, ACCUMULATOR), addition]),
        condition=condition,
        shape="map",
    )


def pieces(node: Comprehension) -> list[Node | None]:
    """What one turn of a shaped loop evaluates: the predicate, or a condition and values."""
    step = node.step
    assert isinstance(step, Call)
    if node.shape in ("all", "exists"):
        return [step.arguments[1]]
    condition: Node | None = None
    if step.function == "_?_:_":
        condition, step = step.arguments[0], step.arguments[1]
        assert isinstance(step, Call)
    added = step.arguments[1:]
    if isinstance(added[0], ListLiteral) and node.shape == "map":
        added = added[0].elements
    return [condition, *added]


def _has(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node:
    selection = arguments[0]
    if isinstance(selection, Select) and not selection.test:
        return Select(expansion.position, selection.operand, selection.field, test=True)
    return expansion.error("invalid argument to has() macro", selection)


def _quantified(shape: str) -> Macro:
    def expand(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node:
        assert target is not None
        name = variable_name(expansion, arguments[0])
        if name is None:
            return Literal(expansion.position, None)
        return quantifier(shape, expansion.position, target, [name], arguments[1])

    return Macro(shape, 2, expand, member=True)


def _map(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node:
    assert target is not None
    name = variable_name(expansion, arguments[0], "argument is not an identifier")
    if name is None:
        return Literal(expansion.position, None)
    condition = arguments[1] if len(arguments) == 3 else None
    return mapped(expansion.position, target, [name], condition, arguments[-1])


def _filter(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node:
    assert target is not None
    name = variable_name(expansion, arguments[0], "argument is not an identifier")
    if name is None:
        return Literal(expansion.position, None)
    return mapped(expansion.position, target, [name], arguments[1], arguments[0])


STANDARD = (
    Macro("has", 1, _has),
    _quantified("all"),
    _quantified("exists"),
    _quantified("exists_one"),
    Macro("map", 2, _map, member=True),
    Macro("map", 3, _map, member=True),
    Macro("filter", 2, _filter, member=True),
)
