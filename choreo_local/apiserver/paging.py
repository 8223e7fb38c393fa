"""`limit`, `cursor` and other query parameters, read as upstream reads them."""

from __future__ import annotations

import re

from starlette.requests import Request

from choreo_local.apiserver.problems import PlainTextError

_INTEGER = re.compile(r"[+-]?[0-9]+")
_LARGEST = 2**63 - 1


def integer(request: Request, name: str) -> int | None:
    """An optional number."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return None
    detail = ""
    if _INTEGER.fullmatch(text) is None:
        detail = "invalid syntax"
    elif len(text) > 20 or not -_LARGEST - 1 <= int(text) <= _LARGEST:
        detail = "value out of range"
    if detail:
        raise PlainTextError(
            f"Invalid format for parameter {name}: error binding string parameter: "
            f'strconv.ParseInt: parsing "{text[:100]}": {detail}'
        )
    return int(text)


def required(request: Request, name: str) -> str:
    """A text that must be given."""
    text = request.query_params.get(name)
    if text is None:
        raise PlainTextError(f"Query argument {name} is required, but not found")
    return text


def flag(request: Request, name: str) -> bool:
    """An optional boolean, false unless given."""
    text = request.query_params.get(name, "false")
    if text in {"true", "1", "t", "True", "TRUE"}:
        return True
    if text in {"false", "0", "f", "False", "FALSE", ""}:
        return False
    raise PlainTextError(
        f"Invalid format for parameter {name}: error binding string parameter: "
        f'strconv.ParseBool: parsing "{text[:100]}": invalid syntax'
    )
