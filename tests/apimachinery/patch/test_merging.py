"""Merging applied configuration, and taking fields out again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.patch import atoms, comparing, fieldset, merging
from tests.apimachinery.kinds import DEPLOYMENT, WIDGET

ATOM = atoms.of_object(WIDGET)


def merged(live: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = merging.merge(ATOM, {"spec": live}, {"spec": applied})["spec"]
    return found


@pytest.mark.parametrize(
    ("live", "applied", "expected"),
    [
        ({"a": "x"}, {"n": 1}, {"a": "x", "n": 1}),
        ({"a": "x"}, {"a": "y"}, {"a": "y"}),
        ({"a": "x"}, {"a": None}, {"a": None}),
        ({"m": {"x": "1"}}, {"m": {"y": "2"}}, {"m": {"x": "1", "y": "2"}}),
        ({"m": {"x": "1"}}, {"m": {}}, {"m": {"x": "1"}}),
        ({"m": {"x": "1"}}, {"m": None}, {"m": {"x": "1"}}),
        ({"m": {}}, {"m": None}, {"m": None}),
        ({"am": {"x": "1"}}, {"am": {"y": "2"}}, {"am": {"y": "2"}}),
        ({"al": ["a"]}, {"al": ["b"]}, {"al": ["b"]}),
        ({"set": ["a"]}, {"set": ["b"]}, {"set": ["a", "b"]}),
        ({"set": ["a"]}, {"set": []}, {"set": ["a"]}),
        ({"set": ["a"]}, {"set": None}, {"set": ["a"]}),
        ({"set": []}, {"set": ["b"]}, {"set": ["b"]}),
        (
            {"lm": [{"k": "a", "v": "1"}]},
            {"lm": [{"k": "a", "w": "2"}]},
            {"lm": [{"k": "a", "v": "1", "w": "2"}]},
        ),
        ({"any": {"x": {"y": 1}}}, {"any": {"x": 5}}, {"any": {"x": 5}}),
        ({"any": {"x": 5}}, {"any": {"x": {"y": 1}}}, {"any": {"x": {"y": 1}}}),
        ({"m": {"x": "1"}}, {"m": "y"}, {"m": "y"}),
        ({"set": ["a"]}, {"set": "y"}, {"set": "y"}),
    ],
)
def test_values_merge_as_their_schema_says(
    live: dict[str, Any], applied: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert merged(live, applied) == expected


@pytest.mark.parametrize(
    ("live", "applied", "expected"),
    [
        ("abc", "cb", "acb"),
        ("abc", "ca", "bca"),
        ("abc", "xb", "axbc"),
        ("abc", "bx", "abcx"),
        ("abcd", "dxa", "bcdxa"),
        ("ab", "xy", "abxy"),
        ("", "ba", "ba"),
    ],
)
def test_shared_items_follow_the_applied_order_and_others_keep_their_place(
    live: str, applied: str, expected: str
) -> None:
    assert merged({"set": list(live)}, {"set": list(applied)})["set"] == list(expected)


def test_items_that_occur_twice_are_replaced_when_applied_and_kept_when_not() -> None:
    live = [{"port": 1, "name": "a"}, {"port": 2}, {"port": 1, "name": "b"}]

    assert merged({"lm2": live}, {"lm2": [{"port": 1}]})["lm2"] == [{"port": 1}, {"port": 2}]
    assert merged({"lm2": live}, {"lm2": [{"port": 3}]})["lm2"] == [*live, {"port": 3}]


def test_items_without_identity_stay_where_they_are() -> None:
    live = [{"v": "odd"}, {"k": "a"}]

    assert merged({"lm": live}, {"lm": [{"k": "a", "v": "1"}]})["lm"] == [
        {"v": "odd"},
        {"k": "a", "v": "1"},
    ]


def test_what_does_not_change_is_shared_and_nothing_is_modified() -> None:
    live = {"spec": {"m": {"x": "1"}, "al": ["a"]}}

    result = merging.merge(ATOM, live, {"spec": {"a": "y"}})

    assert result["spec"]["m"] is live["spec"]["m"]
    assert live == {"spec": {"m": {"x": "1"}, "al": ["a"]}}


def removed(spec: dict[str, Any], *gone: tuple[str, ...]) -> Any:
    fields = fieldset.from_paths(iter(("f:spec", *path) for path in gone))
    return (merging.remove(ATOM, {"spec": spec}, fields) or {}).get("spec")


def test_fields_and_items_are_taken_out() -> None:
    spec = {"a": "x", "m": {"x": "1", "y": "2"}, "set": ["a", "b"], "lm": [{"k": "a", "v": "1"}]}

    assert removed(spec, ("f:a",), ("f:m", "f:x"), ("f:set", 'v:"a"')) == {
        "m": {"y": "2"},
        "set": ["b"],
        "lm": [{"k": "a", "v": "1"}],
    }
    assert removed(spec, ("f:lm", 'k:{"k":"a"}', "f:v"))["lm"] == [{"k": "a"}]
    assert removed(spec, ("f:lm", 'k:{"k":"a"}'))["lm"] is None


def test_a_container_that_loses_everything_becomes_null() -> None:
    assert removed({"m": {"x": "1"}}, ("f:m", "f:x")) == {"m": None}
    assert removed({"set": ["a"]}, ("f:set", 'v:"a"')) == {"set": None}
    assert removed({"a": "x"}, ("f:a",)) is None


def test_atomic_values_go_as_a_whole() -> None:
    assert removed({"am": {"x": "1"}, "al": ["a"]}, ("f:am", "f:x"), ("f:al", "i:0")) == {
        "am": None,
        "al": None,
    }
    assert removed({"a": "x"}, ("f:a", "f:b")) == {"a": "x"}


def test_nulls_are_dropped_where_they_mean_absent() -> None:
    gone = fieldset.from_paths(
        iter([("f:spec", "f:strategy", "f:type"), ("f:metadata", "f:labels", "f:x")])
    )
    builtin = {"metadata": {"labels": None}, "spec": {"strategy": None, "replicas": 1}}
    custom = {"metadata": {"labels": None}, "spec": {"strategy": None}}

    assert merging.drop_nulls(atoms.of_object(DEPLOYMENT), builtin, gone) == {
        "metadata": {},
        "spec": {"replicas": 1},
    }
    assert merging.drop_nulls(ATOM, custom, gone) == {"metadata": {}, "spec": {"strategy": None}}
    assert merging.drop_nulls(ATOM, {"metadata": {}, "spec": "x"}, gone) == {
        "metadata": {},
        "spec": "x",
    }
    items = fieldset.from_paths(iter([("f:spec", "f:set", 'v:"a"')]))
    assert merging.drop_nulls(ATOM, {"spec": {"set": {"b": 1}}}, items) == {
        "spec": {"set": {"b": 1}}
    }


ITEMS = st.dictionaries(st.sampled_from("vw"), st.sampled_from("12"), max_size=2)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "a": st.sampled_from("xy"),
        "m": st.dictionaries(st.sampled_from("pq"), st.sampled_from("12"), max_size=2),
        "set": st.lists(st.sampled_from("abc"), unique=True, max_size=3),
        "lm": st.dictionaries(st.sampled_from("rst"), ITEMS, max_size=3).map(
            lambda found: [{"k": key, **item} for key, item in found.items()]
        ),
        "any": st.dictionaries(st.sampled_from("uv"), st.integers(0, 3) | ITEMS, max_size=2),
    },
)


@settings(max_examples=200, deadline=None)
@given(SPECS, SPECS)
def test_what_was_applied_is_there_afterwards(
    live: dict[str, Any], applied: dict[str, Any]
) -> None:
    result = {"spec": merged(live, applied)}
    wanted = comparing.field_set(ATOM, {"spec": applied})

    missing = fieldset.difference(wanted, comparing.field_set(ATOM, result))
    overwritten = comparing.compare(ATOM, {"spec": applied}, result)
    changed = fieldset.intersection(overwritten.changed, wanted)
    # An empty map or scalar place may have been filled by others.
    assert all(not _is_filled(path, applied) for path in fieldset.paths(missing))
    assert all(not _is_filled(path, applied) for path in fieldset.paths(changed))


def _is_filled(path: fieldset.Path, applied: dict[str, Any]) -> bool:
    value: Any = applied
    for element in path[1:]:
        if not isinstance(value, dict):
            return True
        value = value.get(element[2:])
    return not isinstance(value, dict) or bool(value)


@settings(max_examples=200, deadline=None)
@given(SPECS, SPECS)
def test_applying_twice_is_applying_once(live: dict[str, Any], applied: dict[str, Any]) -> None:
    once = merged(live, applied)

    assert merged(once, applied) == once


@settings(max_examples=200, deadline=None)
@given(SPECS)
def test_taking_out_all_that_an_object_has_leaves_nothing(spec: dict[str, Any]) -> None:
    everything = comparing.field_set(ATOM, {"spec": spec})
    rest = merging.remove(ATOM, {"spec": spec}, everything)

    left = comparing.field_set(ATOM, rest or {})
    assert not fieldset.intersection(left, everything) or _only_containers(rest)


def _only_containers(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_only_containers(item) for item in value.values())
    return value is None or value == []
