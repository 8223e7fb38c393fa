"""JSON Patch (RFC 6902), with the limits and the answers of kube-apiserver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import gotext
from choreo_local.apimachinery.copying import deep_copy
from choreo_local.apimachinery.equality import equal
from choreo_local.apimachinery.patch.decoding import mismatch
from choreo_local.errors import InvalidError, TooLargeError

MAX_OPERATIONS = 10_000
# Copying a value into itself doubles it each time; kube-apiserver stops at the size of a request.
MAX_COPIED_BYTES = 3 * 1024 * 1024

REJECTED = "the server rejected our request due to an error in our request"

_INDEX = re.compile(r"[+-]?[0-9]{1,18}")


class RejectedError(InvalidError):
    """A patch that does not fit the document.

    Attributes:
        why: what does not, in the words of the library that kube-apiserver applies patches with;
            clients see it where the patch is not theirs, but that of a webhook or a policy.
    """

    def __init__(self, why: str = "") -> None:
        # The empty name makes the answer carry (empty) details, as upstream's does.
        super().__init__(REJECTED, details={"name": ""})
        self.why = why or REJECTED


class TestFailedError(RejectedError):
    """A `test` operation found another value; nothing else is wrong with the patch."""


class _MissingParentError(LookupError):
    """There is nothing that could hold what a path names."""


class _MissingChildError(LookupError):
    """A holder does not have what a path names; the text says so."""


def apply(document: Any, operations: Any) -> Any:
    """The document after the operations; the one passed in is not touched.

    Raises:
        InvalidError: an operation is malformed, refers to a missing path, or a test fails.
    """
    _check_shape(operations)
    root = {"": deep_copy(document)}
    copied = 0
    for operation in operations:
        copied += _apply_one(root, operation)
        if "" not in root:
            raise RejectedError
        if copied > MAX_COPIED_BYTES:
            raise RejectedError
    return root[""]


def _check_shape(operations: Any) -> None:
    if not isinstance(operations, list):
        raise mismatch(operations, "[]handlers.jsonPatchOp")
    if len(operations) > MAX_OPERATIONS:
        raise TooLargeError(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, "
            f"got {len(operations)}"
        )
    for operation in operations:
        if not isinstance(operation, Mapping):
            raise mismatch(operation, "handlers.jsonPatchOp")


def _apply_one(root: dict[str, Any], operation: Mapping[str, Any]) -> int:
    try:
        return _carry_out(root, operation)
    except _MissingParentError:
        raise RejectedError(_missing(operation)) from None
    except _MissingChildError as error:
        kind = operation.get("op")
        verb = "remove" if kind == "replace" else kind
        why = f"error in {verb} for path: '{operation.get('path')}': {error}"
        raise RejectedError(why) from None


def _missing(operation: Mapping[str, Any]) -> str:
    kind, path = operation.get("op"), operation.get("path")
    if kind in ("add", "remove"):
        return f'{kind} operation does not apply: doc is missing path: "{path}": missing value'
    if kind == "test":
        return f"test operation does not apply: is missing path: {path}: missing value"
    if kind in ("move", "copy"):
        source = operation.get("from")
        return f"{kind} operation does not apply: doc is missing from path: {source}: missing value"
    return f"{kind} operation does not apply: doc is missing path: {path}: missing value"


def _carry_out(root: dict[str, Any], operation: Mapping[str, Any]) -> int:
    """Carry out one operation; returns the number of bytes that it copied."""
    kind, path = operation.get("op"), _tokens(operation.get("path"))
    match kind:
        case "add":
            _add(root, path, deep_copy(operation.get("value")))
        case "remove":
            _remove(root, path)
        case "replace":
            _replace(root, path, deep_copy(operation.get("value")))
        case "move":
            _add(root, path, _remove(root, _tokens(operation.get("from"))))
        case "copy":
            value = _get(root, _tokens(operation.get("from")))
            _add(root, path, deep_copy(value))
            return _size(value)
        case "test":
            _test(root, path, operation.get("value"))
        case _:
            raise RejectedError
    return 0


def _tokens(pointer: Any) -> list[str]:
    """A JSON pointer as the steps from `root`, whose only member is the document."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise RejectedError
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")]


def _parent(root: Any, path: list[str]) -> Any:
    parent = root
    try:
        for token in path[:-1]:
            parent = _child(parent, token)
    except _MissingChildError:
        raise _MissingParentError from None
    if not isinstance(parent, dict | list):
        raise _MissingParentError
    return parent


def _child(parent: Any, token: str) -> Any:
    if isinstance(parent, dict) and token in parent:
        return parent[token]
    if isinstance(parent, list):
        return parent[_index(token, len(parent))]
    raise _MissingChildError(f"Unable to remove nonexistent key: {token}: missing value")


def _index(token: str, length: int) -> int:
    """A position in a list; negative ones count from the end."""
    if not _INDEX.fullmatch(token):
        raise _MissingChildError(
            f"value was not a proper array index: '{token}': strconv.Atoi: parsing"
            f" {gotext.quote(token)}: invalid syntax"
        )
    index = int(token)
    if not -length <= index < length:
        raise _MissingChildError(
            f"Unable to access invalid index: {index}: invalid index referenced"
        )
    return index


def _get(root: Any, path: list[str]) -> Any:
    return _child(_parent(root, path), path[-1])


def _add(root: Any, path: list[str], value: Any) -> None:
    parent, token = _parent(root, path), path[-1]
    if isinstance(parent, dict):
        parent[token] = value
    elif token == "-":
        parent.append(value)
    else:
        # One past the end is a place to insert at, so the range is that of a longer list.
        index = _index(token, len(parent) + 1)
        parent.insert(index if index >= 0 else index + len(parent) + 1, value)


def _remove(root: Any, path: list[str]) -> Any:
    parent, token = _parent(root, path), path[-1]
    value = _child(parent, token)
    del parent[token if isinstance(parent, dict) else _index(token, len(parent))]
    return value


def _replace(root: Any, path: list[str], value: Any) -> None:
    parent, token = _parent(root, path), path[-1]
    # Kubernetes lets a replace add a member to an object, e.g. a field that was left out as zero.
    parent[token if isinstance(parent, dict) else _index(token, len(parent))] = value


def _test(root: Any, path: list[str], expected: Any) -> None:
    parent, token = _parent(root, path), path[-1]
    missing = isinstance(parent, dict) and token not in parent
    actual = None if missing else _child(parent, token)
    if not equal(actual, expected):
        raise TestFailedError(f"testing value /{'/'.join(path[1:])} failed: test failed")


def _size(value: Any) -> int:
    """About the bytes of a value as JSON."""
    if isinstance(value, dict):
        return 2 + sum(len(key) + 4 + _size(item) for key, item in value.items())
    if isinstance(value, list):
        return 2 + sum(1 + _size(item) for item in value)
    return len(value) + 2 if isinstance(value, str) else 8
