"""How kube-apiserver words a patch body of the wrong JSON type."""

from __future__ import annotations

from typing import Any

from choreo_local.errors import BadRequestError


def mismatch(value: Any, expected: str) -> BadRequestError:
    """The answer to a value of another JSON type than the Go type that it is read into."""
    return BadRequestError(
        f"error decoding patch: json: cannot unmarshal {kind(value)} into Go value of type "
        f"{expected}"
    )


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
