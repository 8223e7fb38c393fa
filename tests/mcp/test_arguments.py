"""Arguments of tools."""

from __future__ import annotations

from choreo_local.mcp import arguments


def test_whole_numbers_may_be_written_with_a_point() -> None:
    known = arguments.schema("name! limit:int")
    given = {"name": "a", "limit": 5.0, "unknown": 1.5}
    assert arguments.problem(known, given) == ""
    assert repr(arguments.exact(known, given)) == "{'name': 'a', 'limit': 5, 'unknown': 1.5}"


def test_other_numbers_are_refused() -> None:
    found = arguments.problem(arguments.schema("limit:int"), {"limit": 1.5})
    assert 'has type "number", want "integer"' in found
