"""Loops with two variables: index and element of a list, key and value of a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from choreo_local.cel.ast import Call, Ident, MapLiteral, Node
from choreo_local.cel.declarations import Expansion, Library, Macro
from choreo_local.cel.libraries.declaring import functions
from choreo_local.cel.loops import add_entries
from choreo_local.cel.macros import ACCUMULATOR, collection, mapped, quantifier, variable_name
from choreo_local.cel.types import map_of, parameter
from choreo_local.cel.values import as_key

_INSERT = "cel.@mapInsert"
_MAP = map_of(parameter("K"), parameter("V"))


def _insert(target: dict[Any, Any], key: Any, value: Any) -> dict[Any, Any]:
    return _insert_all(target, {as_key(key): value})


def _insert_all(target: dict[Any, Any], entries: dict[Any, Any]) -> dict[Any, Any]:
    result = dict(target)
    add_entries(result, entries)
    return result


def _variables(expansion: Expansion, arguments: Sequence[Node]) -> tuple[str, str] | None:
    first = variable_name(expansion, arguments[0])
    second = variable_name(expansion, arguments[1])
    if first is None or second is None:
        return None
    if first == second:
        expansion.error(f"duplicate variable name: {second}", arguments[1])
        return None
    return first, second


def _quantified(name: str, shape: str) -> Macro:
    def expand(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node | None:
        assert target is not None
        names = _variables(expansion, arguments)
        if names is None:
            return target
        return quantifier(shape, expansion.position, target, names, arguments[2])

    return Macro(name, 3, expand, member=True)


def _transform_list(
    expansion: Expansion, target: Node | None, arguments: Sequence[Node]
) -> Node | None:
    assert target is not None
    names = _variables(expansion, arguments)
    if names is None:
        return target
    condition = arguments[2] if len(arguments) == 4 else None
    return mapped(expansion.position, target, names, condition, arguments[-1])


def _transform_map(*, entries: bool) -> Macro:
    """With `entries` the last argument gives a map to put in, otherwise the value for the key."""
    name = "transformMapEntry" if entries else "transformMap"

    def expand(expansion: Expansion, target: Node | None, arguments: Sequence[Node]) -> Node | None:
        assert target is not None
        names = _variables(expansion, arguments)
        if names is None:
            return target
        at = expansion.position
        carried = Ident(at, ACCUMULATOR)
        added = [arguments[-1]] if entries else [Ident(at, names[0]), arguments[-1]]
        return collection(
            at,
            target,
            names,
            start=MapLiteral(at, []),
            step=Call(at, _INSERT, [carried, *added]),
            condition=arguments[2] if len(arguments) == 4 else None,
            shape="insert",
        )

    return Macro(name, None, _with_count(expand), member=True)


def _with_count(expand: Any) -> Any:
    """Three arguments, or four with a condition; other calls are left alone."""

    def counted(
        expansion: Expansion, target: Node | None, arguments: Sequence[Node]
    ) -> Node | None:
        made: Node | None = None
        if len(arguments) in (3, 4):
            made = expand(expansion, target, arguments)
        return made

    return counted


LIBRARY = Library(
    "two-variable comprehensions",
    functions=(
        functions(
            _INSERT,
            ((_MAP, parameter("K"), parameter("V")), _MAP, _insert),
            ((_MAP, _MAP), _MAP, _insert_all),
        ),
    ),
    macros=(
        _quantified("all", "all"),
        _quantified("exists", "exists"),
        _quantified("existsOne", "exists_one"),
        _quantified("exists_one", "exists_one"),
        Macro("transformList", 3, _transform_list, member=True),
        Macro("transformList", 4, _transform_list, member=True),
        _transform_map(entries=False),
        _transform_map(entries=True),
    ),
)
