"""`cel.block([a, b], c)`: values computed once, as optimizers of other tools write them.

The later values and the body name them `cel.index(0)`, `cel.index(1)`, …; variables of loops are
`cel.iterVar(depth, number)`. Not on unless asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.cel.ast import Ident, ListLiteral, Literal, Node
from choreo_local.cel.declarations import Expander, Expansion, Library, Macro
from choreo_local.cel.macros import bound


def _is_cel(target: Node | None) -> bool:
    return isinstance(target, Ident) and target.name == "cel"


def _block(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node | None:
    if not _is_cel(target):
        return None
    values, body = arguments
    if not isinstance(values, ListLiteral):
        return expansion.error("cel.block requires the first arg to be a list literal", values)
    for place in reversed(range(len(values.elements))):
        body = bound(expansion.position, f"@index{place}", values.elements[place], body)
    return body


def _named(prefix: str) -> Expander:
    """The variable whose numbers are given, e.g. `@it:0:1`."""

    def expand(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node | None:
        if not _is_cel(target):
            return None
        numbers: list[str] = []
        for argument in arguments:
            if not (isinstance(argument, Literal) and type(argument.value) is int):
                return expansion.error("requires a non-negative int constant", argument)
            numbers.append(str(argument.value))
        return Ident(expansion.position, prefix + ":".join(numbers))

    return expand


LIBRARY = Library(
    "blocks",
    macros=(
        Macro("block", 2, _block, member=True),
        Macro("index", 1, _named("@index"), member=True),
        Macro("iterVar", 2, _named("@it:"), member=True),
        Macro("accuVar", 2, _named("@ac:"), member=True),
    ),
)
