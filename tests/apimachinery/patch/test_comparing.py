"""Field sets of objects, and of the differences between two."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.patch import atoms, comparing
from choreo_local.apimachinery.patch.fieldset import FieldSet
from tests.apimachinery.kinds import WIDGET

ATOM = atoms.of_object(WIDGET)
DOT: FieldSet = {".": {}}


def owned(**spec: Any) -> FieldSet:
    return comparing.field_set(ATOM, {"spec": spec})


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"a": "x"}, {"f:a": {}}),
        ({"a": None}, {"f:a": {}}),
        ({"m": {"x": "1"}}, {"f:m": {"f:x": {}}}),
        ({"m": {}}, {"f:m": {}}),
        ({"am": {"x": "1"}}, {"f:am": {}}),
        ({"al": ["x"], "bare": [1]}, {"f:al": {}, "f:bare": {}}),
        ({"set": ["b", "a"]}, {"f:set": {'v:"b"': {}, 'v:"a"': {}}}),
        ({"lm": [{"k": "a", "v": "1"}]}, {"f:lm": {'k:{"k":"a"}': {**DOT, "f:k": {}, "f:v": {}}}}),
        (
            {"lm2": [{"port": 80}]},
            {"f:lm2": {'k:{"port":80,"protocol":"TCP"}': {**DOT, "f:port": {}}}},
        ),
        ({"deep": {"d": {"x": "1"}}}, {"f:deep": {"f:d": {**DOT, "f:x": {}}}}),
        ({"deep": {"d": {}}}, {"f:deep": {"f:d": {}}}),
        ({"any": {"x": {"y": [1]}}}, {"f:any": {"f:x": {**DOT, "f:y": {}}}}),
        ({"lm2": [{"port": 1}, {"port": 1}]}, {"f:lm2": {'k:{"port":1,"protocol":"TCP"}': {}}}),
    ],
)
def test_an_applier_owns_leaves_and_whole_items(spec: dict[str, Any], fields: FieldSet) -> None:
    assert owned(**spec) == {"f:spec": fields}


def test_empty_lists_that_merge_are_owned_by_nobody() -> None:
    assert owned(set=[], lm=[]) == {}
    assert owned(al=[]) == {"f:spec": {"f:al": {}}}


def test_items_without_identity_are_left_out() -> None:
    assert owned(lm=[{"v": "1"}, {"k": "a"}]) == {
        "f:spec": {"f:lm": {'k:{"k":"a"}': {**DOT, "f:k": {}}}}
    }


def changes(old: dict[str, Any], new: dict[str, Any]) -> tuple[FieldSet, FieldSet]:
    found = comparing.compare(ATOM, {"spec": old}, {"spec": new})
    return found.changed.get("f:spec", {}), found.removed.get("f:spec", {})


@pytest.mark.parametrize(
    ("old", "new", "changed", "removed"),
    [
        ({"a": "x", "n": 1}, {"a": "y", "n": 1}, {"f:a": {}}, {}),
        ({"n": 1}, {"n": 1.0}, {}, {}),
        ({"any": {"x": 1}}, {"any": {"x": True}}, {"f:any": {"f:x": {}}}, {}),
        ({"a": "x"}, {"b": True}, {"f:b": {}}, {"f:a": {}}),
        ({}, {"m": {"x": "1"}}, {"f:m": {**DOT, "f:x": {}}}, {}),
        ({"m": {"x": "1"}}, {}, {}, {"f:m": {**DOT, "f:x": {}}}),
        ({"m": {"x": "1"}}, {"m": {}}, {}, {"f:m": {"f:x": {}}}),
        ({"m": {}}, {"m": None}, {"f:m": {}}, {}),
        ({"m": None}, {"m": {"x": "1"}}, {"f:m": {"f:x": {}}}, {}),
        ({"m": {"x": "1"}}, {"m": None}, {}, {"f:m": {"f:x": {}}}),
        ({}, {"m": {}}, {"f:m": {}}, {}),
        ({"am": {"x": "1"}}, {"am": {"x": "2"}}, {"f:am": {}}, {}),
        ({"al": ["a"]}, {"al": ["a", "b"]}, {"f:al": {}}, {}),
        ({"set": ["a"]}, {"set": ["a", "b"]}, {"f:set": {'v:"b"': {}}}, {}),
        ({"set": ["a", "b"]}, {"set": ["b"]}, {}, {"f:set": {'v:"a"': {}}}),
        ({"set": ["a", "b"]}, {"set": ["b", "a"]}, {}, {}),
        ({}, {"set": ["a"]}, {"f:set": {**DOT, 'v:"a"': {}}}, {}),
        ({"set": []}, {"set": None}, {"f:set": {}}, {}),
        (
            {"lm": [{"k": "a", "v": "1"}]},
            {"lm": [{"k": "a", "v": "2", "w": "3"}]},
            {"f:lm": {'k:{"k":"a"}': {"f:v": {}, "f:w": {}}}},
            {},
        ),
        (
            {"lm": [{"k": "a", "v": "1"}]},
            {"lm": [{"k": "b"}]},
            {"f:lm": {'k:{"k":"b"}': {**DOT, "f:k": {}}}},
            {"f:lm": {'k:{"k":"a"}': {**DOT, "f:k": {}, "f:v": {}}}},
        ),
        (
            {"any": {"x": {"y": 1}}},
            {"any": {"x": 5}},
            {"f:any": {"f:x": {}}},
            {"f:any": {"f:x": {"f:y": {}}}},
        ),
        (
            {"any": {"x": 5}},
            {"any": {"x": {"y": 1}}},
            {"f:any": {"f:x": {**DOT, "f:y": {}}}},
            {},
        ),
        ({"any": {"x": 5}}, {"any": {"x": {}}}, {"f:any": {"f:x": {}}}, {}),
    ],
)
def test_differences_say_what_came_and_what_went(
    old: dict[str, Any], new: dict[str, Any], changed: FieldSet, removed: FieldSet
) -> None:
    assert changes(old, new) == (changed, removed)


def test_a_scalar_that_takes_the_place_of_a_list_changes_it() -> None:
    assert changes({"set": ["a"]}, {"set": "a"}) == (
        {"f:set": {}},
        {"f:set": {'v:"a"': {}}},
    )
    assert changes({"set": "a"}, {"set": ["a"]}) == ({"f:set": {**DOT, 'v:"a"': {}}}, {})
    assert comparing.field_set(ATOM, ["no object"]) == {}


def test_items_that_occur_twice_change_as_one() -> None:
    key = 'k:{"port":1,"protocol":"TCP"}'
    once, twice = {"port": 1, "name": "a"}, [{"port": 1}, {"port": 1}]

    assert changes({"lm2": twice}, {"lm2": twice}) == ({}, {})
    assert changes({"lm2": twice}, {"lm2": [*twice, {"port": 2}]}) == (
        {"f:lm2": {'k:{"port":2,"protocol":"TCP"}': {".": {}, "f:port": {}}}},
        {},
    )
    assert changes({"lm2": [once]}, {"lm2": twice}) == ({"f:lm2": {key: {}}}, {})
    assert changes({"lm2": twice}, {"lm2": [once]}) == ({"f:lm2": {key: {}}}, {})
    assert changes({"lm2": []}, {"lm2": twice}) == ({"f:lm2": {key: {}}}, {})
    assert changes({"lm2": twice}, {"lm2": []}) == ({}, {"f:lm2": {key: {}}})
    assert changes({}, {"lm2": twice}) == ({"f:lm2": {".": {}, key: {}}}, {})
