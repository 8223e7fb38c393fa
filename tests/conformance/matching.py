"""Compares an answer with what a case expects; pure.

An expected text that starts with `~` is a regular expression for all of it; `*` stands for
anything that is there, null for what is absent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.conformance import fieldpaths
from tests.conformance.target import Answer

Expectation = dict[str, Any]


def problems(expected: int | Expectation | None, answer: Answer) -> list[str]:
    """What is wrong with an answer, a line each; without expectation it must be a success."""
    if expected is None:
        return [] if answer.code < 300 else [f"code {answer.code}, no success"]
    if isinstance(expected, int):
        expected = {"code": expected}
    return list(_problems(expected, answer))


def _problems(expected: Expectation, answer: Answer) -> Iterator[str]:
    yield from _unlike("code", expected.get("code", answer.code), answer.code)
    for name in ("reason", "message"):
        if name in expected:
            yield from _unlike(name, expected[name], fieldpaths.read(answer.body, name))
    if "causes" in expected:
        yield from _unlike("causes", sorted(expected["causes"]), causes(answer.body))
    if "details" in expected:
        details = fieldpaths.read(answer.body, "details") or {}
        told = {key: value for key, value in details.items() if key not in ("causes", "uid")}
        yield from _unlike("details", expected["details"], told)
    if "text" in expected:
        yield from _unlike("text", expected["text"], answer.body)
    if "warnings" in expected:
        yield from _unlike("warnings", expected["warnings"], answer.header("warning"))
    for name, value in expected.get("headers", {}).items():
        yield from _unlike(name, value, next(iter(answer.header(name)), None))
    yield from unlike_fields(expected.get("fields", {}), answer.body)


def unlike_fields(expected: Expectation, value: Any) -> Iterator[str]:
    """The fields that are not as expected: path → value."""
    for path, wanted in expected.items():
        yield from _unlike(path, wanted, fieldpaths.read(value, path))


def unlike_events(expected: list[list[Any]], events: list[dict[str, Any]]) -> Iterator[str]:
    """The watch events that are not as expected: type and fields each, in order."""
    if len(events) != len(expected):
        yield f"{len(events)} events instead of {len(expected)}: {[e['type'] for e in events]}"
    for number, (wanted, event) in enumerate(zip(expected, events, strict=False)):
        kind, fields = [*wanted, {}][:2]
        for problem in (
            *_unlike("type", kind, event["type"]),
            *unlike_fields(fields, event["object"]),
        ):
            yield f"event {number}: {problem}"


def causes(status: Any) -> list[str]:
    """The causes of a Status as `reason field: message`, in order; Go's order is by chance."""
    found = fieldpaths.read(status, "details.causes") or []
    return sorted(
        f"{each.get('reason', '')} {each.get('field', '')}: {each.get('message', '')}"
        for each in found
    )


def _unlike(name: str, expected: Any, actual: Any) -> Iterator[str]:
    if not is_like(expected, actual):
        yield f"{name}: expected {expected!r}, got {actual!r}"


def is_like(expected: Any, actual: Any) -> bool:
    """Whether a value is as expected."""
    if expected == "*":
        return actual is not None
    if isinstance(expected, str) and expected.startswith("~"):
        return isinstance(actual, str) and bool(re.fullmatch(expected[1:], actual, re.DOTALL))
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(
            is_like(*pair) for pair in zip(expected, actual, strict=True)
        )
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(
            is_like(value, actual[key]) for key, value in expected.items()
        )
    return bool(expected == actual) and isinstance(expected, bool) == isinstance(actual, bool)
