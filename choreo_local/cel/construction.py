"""Steps for what an expression writes out: lists, maps and messages, with optional parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from choreo_local.cel.access import MISSING
from choreo_local.cel.calls import Test, test_of
from choreo_local.cel.declarations import Frame, MessageType, Step
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.values import Optional, as_key, from_key, shown, type_name


def list_of(parts: Sequence[Step]) -> Step:
    """`[a, b]`."""
    if len(parts) == 1:
        only = parts[0]
        return lambda frame: [only(frame)]
    return lambda frame: [part(frame) for part in parts]


def list_with_optionals(parts: Sequence[tuple[Step, bool]]) -> Step:
    """`[a, ?b]`; each part says whether it is optional."""

    def elements(frame: Frame) -> list[Any]:
        values = ((part(frame), optional) for part, optional in parts)
        found = (_content(value) if optional else value for value, optional in values)
        return [value for value in found if value is not MISSING]

    return elements


def _content(value: Any, key: Any = MISSING) -> Any:
    """What an optional part holds, or MISSING."""
    if type(value) is not Optional:
        what = "list element" if key is MISSING else f"entry '{shown(from_key(key))}'"
        raise EvaluationError(
            f"cannot initialize optional {what} from non-optional value {shown(value)}"
        )
    return value.value if value.present else MISSING


def map_of(parts: Sequence[tuple[Step, Step, bool]]) -> Step:
    """`{a: b, ?c: d}`."""

    def entries(frame: Frame) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for key_of, value_of, optional in parts:
            key = as_key(key_of(frame))
            value = value_of(frame)
            if optional:
                value = _content(value, key)
                if value is MISSING:
                    continue
            if key is None or isinstance(key, list | dict | Optional):
                raise EvaluationError("unsupported key type")
            found[key] = value
        return found

    return entries


def message_of(type_: MessageType, parts: Sequence[tuple[str, Step, bool]]) -> Step:
    """`Type{a: b, ?c: d}`."""
    tested = [(*part, test_of(type_.fields[part[0]])) for part in parts if part[0] in type_.fields]
    unknown = next((name for name, _, _ in parts if name not in type_.fields), None)

    def fields(frame: Frame) -> Any:
        if unknown is not None:
            raise EvaluationError(f"no such field: {unknown}")
        found: dict[str, Any] = {}
        for name, value_of, optional, test in tested:
            value = value_of(frame)
            if optional:
                value = _content(value, name)
                if value is MISSING:
                    continue
            _check_field(type_, name, value, test)
            found[name] = value
        return type_.build(found)

    return fields


def unknown_message(name: str) -> Step:
    """`Type{}` in a tree without a check, where there is no such type."""

    def fail(_frame: Frame) -> Any:
        raise EvaluationError(f"unknown type: {name}")

    return fail


def _check_field(type_: MessageType, name: str, value: Any, test: Test | None) -> None:
    if test is not None and not test(value):
        given = type_name(value)
        raise EvaluationError(
            f"field type conversion error for {type_.name}.{name} value type: {given}"
        )
