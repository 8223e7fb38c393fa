"""Values of `types` to JSON and back; pure. Members are camelCase on the wire.

What a newer server adds is ignored, what an older one leaves out takes its default.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
_Reader = Callable[[Any], Any]


class WireError(ValueError):
    """A body is not what its type says."""


def to_json(value: Any) -> Any:
    """A value as JSON has it; plain data is left alone."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: to_json(getattr(value, field.attribute)) for field in _shape(type(value))
        }
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return value


def from_json(cls: type[T], data: Any) -> T:
    """The value that `data` stands for; WireError when it does not fit."""
    if not isinstance(data, Mapping):
        raise WireError(f"expected an object for {cls.__name__}, got {type(data).__name__}")
    given = {
        field.attribute: field.read(data[field.name]) for field in _shape(cls) if field.name in data
    }
    try:
        return cls(**given)
    except TypeError as error:
        raise WireError(f"incomplete {cls.__name__}: {error}") from error


class _Field(NamedTuple):
    """A member of a type: its name in JSON, its name here, and how it is read."""

    name: str
    attribute: str
    read: _Reader


# A shape depends on nothing but its class.
_shapes: dict[type[Any], tuple[_Field, ...]] = {}


def _shape(cls: type[Any]) -> tuple[_Field, ...]:
    found = _shapes.get(cls)
    if found is None:
        hints = typing.get_type_hints(cls)
        found = _shapes[cls] = tuple(
            _Field(_json_name(field), field.name, _reader(hints[field.name]))
            for field in dataclasses.fields(cls)
        )
    return found


def _json_name(field: dataclasses.Field[Any]) -> str:
    given: str | None = field.metadata.get("json")
    first, *rest = field.name.split("_")
    return given or first + "".join(part.capitalize() for part in rest)


def _reader(hint: Any) -> _Reader:
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return functools.partial(from_json, hint)
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return functools.partial(_read_tuple, _reader(arguments[0]))
    if isinstance(hint, types.UnionType) and type(None) in arguments:
        return functools.partial(_read_optional, _reader(arguments[0]))
    return _plain


def _read_tuple(read: _Reader, data: Any) -> tuple[Any, ...]:
    if data is None:
        return ()
    if not isinstance(data, list):
        raise WireError(f"expected a list, got {type(data).__name__}")
    return tuple(read(item) for item in data)


def _read_optional(read: _Reader, data: Any) -> Any:
    return None if data is None else read(data)


def _plain(data: Any) -> Any:
    return data
