"""Parts of objects that may be anything: nothing is where something else was expected.

The schema of a kind complains about wrong types on its own, so the checks here pass over them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from choreo_local.rendering import values

_JSON_KINDS: dict[type, str] = {
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def text(value: Any) -> str:
    """The value, if it is a text."""
    return value if isinstance(value, str) else ""


def member(value: Any, *names: str) -> Any:
    """What stands under a path of names; None where the path ends early."""
    for name in names:
        value = values.members(value).get(name)
    return value


def entries(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path and members of each item of a list."""
    for index, item in enumerate(values.items(value)):
        yield f"{path}[{index}]", values.members(item)


def json_kind(value: Any) -> str:
    """The kind of a JSON value, as messages of decoders name it."""
    return _JSON_KINDS.get(type(value), "null")
