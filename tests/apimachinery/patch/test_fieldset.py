"""The algebra of field sets, held against plain sets of paths."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.patch import fieldset
from choreo_local.apimachinery.patch.fieldset import FieldSet, Path

ELEMENTS = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
PATHS = st.frozensets(st.lists(ELEMENTS, min_size=1, max_size=3).map(tuple), max_size=6)


def built(members: frozenset[Path]) -> FieldSet:
    return fieldset.from_paths(iter(sorted(members)))


def listed(fields: FieldSet) -> frozenset[Path]:
    return frozenset(fieldset.paths(fields))


@settings(max_examples=200, deadline=None)
@given(PATHS)
def test_a_set_holds_the_paths_that_it_was_made_of(members: frozenset[Path]) -> None:
    fields = built(members)

    assert listed(fields) == members
    assert len(list(fieldset.paths(fields))) == len(members)
    assert fieldset.canonical(fields) == fields


@settings(max_examples=300, deadline=None)
@given(PATHS, PATHS)
def test_the_operations_are_those_of_sets(left: frozenset[Path], right: frozenset[Path]) -> None:
    first, second = built(left), built(right)

    assert listed(fieldset.union(first, second)) == left | right
    assert listed(fieldset.difference(first, second)) == left - right
    assert listed(fieldset.intersection(first, second)) == left & right
    assert listed(fieldset.recursive_difference(first, second)) == {
        path for path in left if not any(path[: len(gone)] == gone for gone in right)
    }


@settings(max_examples=200, deadline=None)
@given(PATHS, PATHS)
def test_results_are_in_normal_form(left: frozenset[Path], right: frozenset[Path]) -> None:
    first, second = built(left), built(right)

    for operation in (fieldset.union, fieldset.difference, fieldset.intersection):
        found = operation(first, second)
        assert built(listed(found)) == fieldset.canonical(found) == found
    assert (first, second) == (built(left), built(right))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", "f:replicas"), ".spec.replicas"),
        (
            ("f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name"),
            '.ports[port=80,protocol="TCP"].name',
        ),
        (("f:set", 'v:"a"'), '.set[="a"]'),
        (("f:set", "v:true"), ".set[=true]"),
        (("f:list", "i:3"), ".list[3]"),
        ((), ""),
    ],
)
def test_paths_are_printed_as_conflicts_show_them(path: Path, text: str) -> None:
    assert fieldset.text(path) == text


def test_sets_of_others_are_brought_into_our_form() -> None:
    raw = {
        "f:ports": {
            'k:{"protocol": "TCP", "port": 80}': {".": {}, "f:name": {}},
        },
        "f:set": {'v: "a"': {}, "v:1.0": {".": {}}},
        "f:list": {"i:0": {}},
        ".": {},
    }

    assert fieldset.canonical(raw) == {
        "f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:name": {}}},
        "f:set": {'v:"a"': {}, "v:1.0": {}},
        "f:list": {"i:0": {}},
    }


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"f:a": found}
    return found


MALFORMED: list[Any] = [
    *("x", [], {"f:a": 1}, {"x:a": {}}, {"a": {}}),
    *({"k:[]": {}}, {"k:{": {}}, {"i:x": {}}, nested(300)),
]


@pytest.mark.parametrize("raw", MALFORMED)
def test_what_is_no_field_set_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fieldset.canonical(raw)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        ('a"b', '"a\\"b"'),
        ("<a>&", '"\\u003ca\\u003e\\u0026"'),
        (5, "5"),
        (True, "true"),
        (1.5, "1.5"),
        ({"b": 1, "a": "<"}, '{"a":"\\u003c","b":1}'),
    ],
)
def test_values_in_elements_are_written_as_go_writes_them(value: Any, text: str) -> None:
    assert fieldset.encode(value) == text
