"""The types of lists, maps and messages that an expression writes out; a part of `checker`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from choreo_local.cel.ast import ListLiteral, Literal, MapLiteral, Message, Node
from choreo_local.cel.types import (
    ERROR,
    LOOSE,
    Kind,
    Type,
    list_of,
    map_of,
    optional_content,
    optional_of,
)

if TYPE_CHECKING:
    from choreo_local.cel.checker import Checker


def list_literal(checker: Checker, node: ListLiteral) -> Type:
    element: Type | None = None
    for index, part in enumerate(node.elements):
        type_ = checker.checks[type(part)](checker, part)
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
    if type_.kind not in LOOSE:
        checker.report(node.position, f"expected type '{optional_of(type_)}' but found '{type_}'")
    return type_


def map_literal(checker: Checker, node: MapLiteral) -> Type:
    key: Type | None = None
    value: Type | None = None
    for entry in node.entries:
        key = checker.joined(key, checker.checks[type(entry.key)](checker, entry.key), entry.key)
        type_ = checker.checks[type(entry.value)](checker, entry.value)
        if entry.optional:
            type_ = _unwrapped(checker, entry.value, type_)
        value = checker.joined(value, type_, entry.value)
    node.type = map_of(
        checker.inference.new_parameter() if key is None else key,
        checker.inference.new_parameter() if value is None else value,
    )
    return node.type


def message(checker: Checker, node: Message) -> Type:
    found = checker.scope.message(node.name)
    if found is None:
        return _no_message(checker, node)
    node.name, node.type = found.name, found.result
    for entry in node.entries:
        given = checker.checks[type(entry.value)](checker, entry.value)
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


def _no_message(checker: Checker, node: Message) -> Type:
    named = checker.scope.variable(node.name)
    if named is None:
        return checker.undeclared(node, node.name)
    type_ = named[1]
    if type_.kind is Kind.TYPE and type_.parameters:
        checker.report(node.position, f"'{type_.parameters[0].name}' is not a message type")
    else:
        checker.report(node.position, f"'{type_.name}' is not a type")
    return ERROR
