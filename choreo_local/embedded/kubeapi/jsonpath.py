"""The JSONPath of Kubernetes, as printer columns of custom resources use it.

Fields, quoted keys, wildcards, indexes, slices, unions, descent and filters such as
`.status.conditions[?(@.type=="Ready")].status`. Paths come from users: the number of values an
evaluation may reach is bounded.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

Step = Callable[[list[Any]], list[Any]]

_MAX_VALUES = 10_000
_FIELD = re.compile(r"((?:[^.\[\]\\ ]|\\.)+)")
_SLICE = re.compile(r"(-?\d*)(?:(:)(-?\d*)(?::(-?\d*))?)?")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+)", re.DOTALL)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class PathError(ValueError):
    """The path cannot be read, or does not fit the value."""


class JsonPath:
    """A compiled path."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._steps = tuple(_steps(text))

    def find(self, value: Any) -> list[Any]:
        """All values that the path leads to; PathError where it does not fit the value."""
        found = [value]
        for step in self._steps:
            found = step(found)
            if len(found) > _MAX_VALUES:
                raise PathError(f"cannot evaluate {self.text}: too many values")
        return found

    def first(self, value: Any) -> Any:
        """The first value, None when there is none or the path does not fit."""
        try:
            found = self.find(value)
        except PathError:
            return None
        return found[0] if found else None


@lru_cache(maxsize=4096)
def compile_path(text: str) -> JsonPath:
    """Compile a path, with or without its leading `$`, `{` and `}`."""
    return JsonPath(text)


def _steps(text: str) -> Iterator[Step]:
    path = text.strip()
    if path.startswith("{") and path.endswith("}"):
        path = path[1:-1]
    at = 1 if path[:1] in ("$", "@") else 0
    while at < len(path):
        if path.startswith("[?(", at):
            end = _filter_end(path, at)
            yield _filter(path[at + 3 : end])
            at = end + 2
        elif path[at] == "[":
            end = path.find("]", at)
            if end < 0:
                raise PathError("unterminated array")
            yield _bracket(path[at + 1 : end])
            at = end + 1
        elif path.startswith("..", at):
            yield _descend
            at += 1 if path[at + 2 : at + 3] not in ("[", "") else 2
        else:
            at += path[at] == "."
            if at >= len(path):
                break
            matched = _FIELD.match(path, at)
            if matched is None:
                if path[at] == "[":
                    continue
                raise PathError(f"unrecognized character in action: {path[at]!r}")
            name = re.sub(r"\\(.)", r"\1", matched[1])
            yield _wildcard if matched[1] == "*" else _field(name)
            at = matched.end()


def _filter_end(path: str, at: int) -> int:
    quote = ""
    for index in range(at + 3, len(path)):
        letter = path[index]
        if quote:
            if letter == quote and path[index - 1] != "\\":
                quote = ""
        elif letter in "\"'":
            quote = letter
        elif letter == ")":
            if path[index + 1 : index + 2] != "]":
                raise PathError("unclosed array expect ]")
            return index
    raise PathError("unterminated filter")


def _bracket(text: str) -> Step:
    text = text.strip()
    if text == "*":
        return _wildcard
    parts = text.split(",")
    if len(parts) > 1:
        branches = [_bracket(part) for part in parts]
        return lambda values: [found for branch in branches for found in branch(values)]
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return _quoted(text[1:-1])
    matched = _SLICE.fullmatch(text)
    if matched is None or not text:
        raise PathError(f"invalid array index {text}")
    return _elements(matched)


def _quoted(key: str) -> Step:
    """As the real one has it, a quoted key is a path of its own: dots in it must be escaped."""
    steps = list(_steps(f".{key}"))

    def step(values: list[Any]) -> list[Any]:
        for one in steps:
            values = one(values)
        return values

    return step


def _field(name: str) -> Step:
    return lambda values: [
        value[name] for value in values if isinstance(value, Mapping) and name in value
    ]


def _wildcard(values: list[Any]) -> list[Any]:
    return [child for value in values for child in _children(value)]


def _children(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _descend(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    pending = list(reversed(values))
    while pending:
        value = pending.pop()
        found.append(value)
        if len(found) > _MAX_VALUES:
            raise PathError("cannot descend: too many values")
        pending.extend(
            reversed([one for one in _children(value) if isinstance(one, Mapping | list)])
        )
    return found


def _elements(matched: re.Match[str]) -> Step:
    start, colon, stop, stride = matched.groups()

    def step(values: list[Any]) -> list[Any]:
        found: list[Any] = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list):
                raise PathError("is not array or slice")
            if not colon:
                found.append(_element(value, int(start)))
                continue
            if stride and int(stride) <= 0:
                raise PathError("step must be > 0")
            found.extend(
                value[int(start) if start else 0 : int(stop) if stop else None : int(stride or 1)]
            )
        return found

    return step


def _element(value: list[Any], index: int) -> Any:
    if not -len(value) <= index < len(value):
        raise PathError(f"array index out of bounds: index {index}, length {len(value)}")
    return value[index]


def _filter(text: str) -> Step:
    matched = _COMPARISON.fullmatch(text.strip())
    if matched is None:
        path = compile_path(text.strip())
        return lambda values: [item for item in _items(values) if path.find(item)]
    compare = _OPERATORS.get(matched[2])
    if compare is None:
        raise PathError(f"unrecognized filter operator {matched[2]}")
    left, right = _operand(matched[1].strip()), _operand(matched[3].strip())

    def passes(item: Any) -> bool:
        lefts, rights = left(item), right(item)
        if not lefts or not rights:
            return False
        if len(lefts) > 1 or len(rights) > 1:
            raise PathError("can only compare one element at a time")
        try:
            return type(lefts[0]) is type(rights[0]) and compare(lefts[0], rights[0])
        except TypeError as error:
            raise PathError("incompatible types for comparison") from error

    return lambda values: [item for item in _items(values) if passes(item)]


def _items(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if not isinstance(value, list):
            raise PathError("is not array or slice and cannot be filtered")
        yield from value


def _operand(text: str) -> Callable[[Any], list[Any]]:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        literal: Any = re.sub(r"\\(.)", r"\1", text[1:-1])
    elif text in ("true", "false"):
        literal = text == "true"
    else:
        try:
            literal = (
                float(text) if "." in text[1:] and text[:1] not in ("@", "$", ".") else int(text)
            )
        except ValueError:
            path = compile_path(text)
            return path.find
    return lambda item: [literal]
