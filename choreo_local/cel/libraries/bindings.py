"""`cel.bind(name, value, expression)`."""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.cel.ast import Ident, Node
from choreo_local.cel.declarations import Expansion, Library, Macro
from choreo_local.cel.macros import bound


def _bind(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node | None:
    if not (isinstance(target, Ident) and target.name == "cel"):
        return None
    name = arguments[0]
    if not isinstance(name, Ident):
        return expansion.error("cel.bind() variable names must be simple identifiers", name)
    return bound(expansion.position, name.name, arguments[1], arguments[2])


LIBRARY = Library("bindings", macros=(Macro("bind", 3, _bind, member=True),))
