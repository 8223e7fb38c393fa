"""How kube-apiserver words a patch body of the wrong JSON type."""

from __future__ import annotations

from typing import Any

from choreo_local.errors import BadRequestError


def mismatch(value: Any, expected: str) -> BadRequestError:
    """The answer to a value of another JSON type than the Go type that it is read into."""
    return BadRequestError(f"error decoding patch: {unmarshal_error(value, expected)}")


def unmarshal_error(value: Any, expected: str) -> str:
    """What Go's decoder says to a value of another JSON type than expected."""
    return f"json: cannot unmarshal {kind(value)} into Go value of type {expected}"


def kind(value: Any) -> str:
    """The JSON type of a value in the words of Go's decoder."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"
        case _:
            return "number"
