"""What expressions of mutating policies construct: `Object{…}` and `JSONPatch{…}`.

An `Object` has whatever fields are given to it; the schema of the kind judges them afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from choreo_local.cel import types, values
from choreo_local.cel.declarations import Library, MessageType
from choreo_local.cel.libraries.declaring import functions
from choreo_local.cel.types import Type

_ROOT = "Object"
_NAME = re.compile(r"\bObject(?:\s*\.\s*[A-Za-z_]\w*)*")
_BLANK = re.compile(r"\s+")


class ConstructedObject(dict[str, Any]):
    """An object that an expression has made.

    Attributes:
        type_name: what it was called, `Object` or `Object.spec` or so.
    """

    def __init__(self, type_name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.type_name = type_name


class _AnyField(Mapping[str, Type]):
    """Every field there could be, of any type."""

    def __getitem__(self, name: str) -> Type:
        return types.DYN

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)


OBJECT = types.object_of(_ROOT, {})
_OPERATION_FIELDS = {
    "op": types.STRING,
    "path": types.STRING,
    "from": types.STRING,
    "value": types.DYN,
}
_OPERATION = types.object_of("JSONPatch", _OPERATION_FIELDS)
OPERATIONS = types.list_of(_OPERATION)
_JSON_PATCH = Library(
    "kubernetes.jsonpatch",
    functions=(
        functions(
            "jsonpatch.escapeKey",
            (
                (types.STRING,),
                types.STRING,
                lambda key: key.replace("~", "~0").replace("/", "~1"),
            ),
        ),
    ),
    messages=(MessageType("JSONPatch", _OPERATION, _OPERATION_FIELDS, dict),),
)


def libraries(text: str) -> tuple[Library, Library]:
    """What an expression may use to make objects and patches; the names depend on its text."""
    names = {_BLANK.sub("", found) for found in _NAME.findall(text)}
    messages = tuple(_object_type(name) for name in sorted(names | {_ROOT}))
    return _JSON_PATCH, Library("kubernetes.objects", messages=messages)


def _object_type(name: str) -> MessageType:
    result = OBJECT if name == _ROOT else types.object_of(name, {})
    return MessageType(name, result, _AnyField(), partial(ConstructedObject, name))


def misnamed(value: Any, path: str = _ROOT) -> list[str]:
    """The objects within an object whose names are not those of the fields that hold them."""
    found = []
    if isinstance(value, ConstructedObject):
        if value.type_name != path:
            found.append(
                f'unexpected type name "{value.type_name}", expected "{path}", which matches field'
                " name path from root Object type"
            )
        for name, child in value.items():
            found += misnamed(child, f"{path}.{name}")
    elif isinstance(value, list):
        for child in value:
            found += misnamed(child, path)
    return found


def plain(value: Any) -> Any:
    """A value of an expression as JSON holds it."""
    if isinstance(value, Mapping):
        return {_key(name): plain(child) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    return int(value) if isinstance(value, values.Uint) else value


def _key(name: Any) -> str:
    return str(name.value).lower() if isinstance(name, values.BoolKey) else str(name)
