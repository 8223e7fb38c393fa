"""`--set a.b[0].c=value`: changes to an object, written on a command line. Pure.

`[n]` is an item of a list, a bare number between dots is a key, a backslash makes a dot part of a
key. Numbers of JSON, true, false and null keep their type, everything else is a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from choreo_local.errors import UsageError

_PART = re.compile(r"((?:[^.\[\]\\]|\\.)+)((?:\[[0-9]{1,4}\])*)(?:\.|$)")
_INDEX = re.compile(r"\[([0-9]+)\]")
_LONGEST_LIST = 1000
_DEEPEST = 50

Path = list[str | int]


def changed(obj: dict[str, Any], settings: Iterable[str], *, below: Path | None = None) -> Any:
    """A copy of an object with settings made; their paths begin at `below`.

    UsageError when one cannot be read or does not fit the object.
    """
    found: Any = json.loads(json.dumps(obj))
    for setting in settings:
        path, value = _read(setting)
        found = _set(found, [*(below or []), *path], value, setting)
    return found


def _read(setting: str) -> tuple[Path, Any]:
    """Path and value of a setting."""
    text, separator, value = setting.partition("=")
    if not separator or not text:
        raise UsageError(f'cannot read --set "{setting}"', remedy="Write path=value")
    path: Path = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None or len(path) > _DEEPEST:
            raise UsageError(f'cannot read the path of --set "{setting}"')
        path.append(re.sub(r"\\(.)", r"\1", match[1]))
        path += [int(index) for index in _INDEX.findall(match[2])]
        position = match.end()
    if text.endswith(".") and not text.endswith("\\."):
        raise UsageError(f'cannot read the path of --set "{setting}"')
    return path, _value(value)


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if found is None or isinstance(found, (bool, int, float)) else text


def _set(obj: Any, path: Path, value: Any, setting: str) -> Any:
    """`obj` with the value at a path; what is missing on the way there is made."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if obj is None:
            obj = {}
        if not isinstance(obj, dict):
            raise UsageError(f'cannot set "{setting}": there is no object to hold "{step}"')
        obj[step] = _set(obj.get(step), rest, value, setting)
        return obj
    if obj is None:
        obj = []
    if not isinstance(obj, list) or step >= _LONGEST_LIST:
        raise UsageError(f'cannot set "{setting}": there is no list with an item [{step}]')
    obj += [None] * (step + 1 - len(obj))
    obj[step] = _set(obj[step], rest, value, setting)
    return obj
