"""Recorded cases of the rendering goldens as test parameters, and their typed values.

Used by the golden tests of `choreo_local.rendering`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from choreo_local.cel.values import Uint
from choreo_local.rendering import values
from tests.golden import GOLDENS, load, recorded


def cases(folder: str, wanted: Callable[[dict[str, Any]], bool] = lambda _case: True) -> list[Any]:
    """One parameter a case of a folder; a single skipped one when nothing is recorded here."""
    found = [pytest.param(case, id=title) for title, case in titled(folder) if wanted(case)]
    reason = f"no recordings of {folder} in {GOLDENS}; set CHOREO_GOLDENS"
    return found or [pytest.param({}, marks=pytest.mark.skip(reason=reason))]


def titled(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every recorded case of a folder, with the id of its test."""
    for path in recorded(folder):
        for number, case in enumerate(_cases_of(load(path))):
            yield f"{path.stem}-{case.get('id', number)}", case


def decoded(value: Any) -> Any:
    """A recorded value with its number kinds: plain numbers are doubles, `{"$int": …}` ints."""
    if isinstance(value, bool) or not isinstance(value, dict | list | int | float):
        return value
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if len(value) == 1:
        tag, content = next(iter(value.items()))
        if tag in _TAGS:
            return _TAGS[tag](content)
    return {key: decoded(item) for key, item in value.items()}


def _cases_of(content: Any) -> list[dict[str, Any]]:
    return list(content["cases"]) if isinstance(content, dict) and "cases" in content else []


def _go(text: str) -> Any:
    if text.startswith("structpb.NullValue"):
        return values.NULL
    raise NotImplementedError(f"no form for the Go value {text}")


_TAGS: dict[str, Callable[[str], Any]] = {
    "$go": _go,
    "$int": int,
    "$uint": lambda text: Uint(int(text)),
    "$double": lambda text: float(text.replace("Inf", "inf")),
    "$bytes": base64.b64decode,
}


def encoded(value: Any) -> Any:
    """A value in which numbers of different kinds differ, to compare more than JSON would."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {key: encoded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return type(value).__name__, repr(value)
