"""Paths of printer columns."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.embedded.kubeapi import jsonpath

OBJECT: dict[str, Any] = {
    "spec": {
        "a": "x",
        "list": [1, 2, 3],
        "nums": [{"n": "a", "v": 1}, {"n": "b", "v": 2}, {"n": "c", "v": 3}],
        "map": {"p": 1, "q": 2},
    },
    "metadata": {"annotations": {"a.b/c": "dotted", "plain": "yes"}},
    "status": {
        "conditions": [
            {"type": "Synced", "status": "True"},
            {"type": "Ready", "status": "False", "reason": 'It "broke"'},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.a", ["x"]),
        ("$.spec.a", ["x"]),
        ("{.spec.a}", ["x"]),
        (".spec.missing", []),
        (".spec.a.deeper", []),
        (".spec.list[0]", [1]),
        (".spec.list[-1]", [3]),
        (".spec.list[0:2]", [1, 2]),
        (".spec.list[1:]", [2, 3]),
        (".spec.list[::2]", [1, 3]),
        (".spec.list[*]", [1, 2, 3]),
        (".spec.list[0,2]", [1, 3]),
        (".spec.map.*", [1, 2]),
        (".spec['a','list']", ["x", [1, 2, 3]]),
        (".metadata.annotations.a\\.b/c", ["dotted"]),
        (".metadata.annotations['a\\.b/c']", ["dotted"]),
        (".metadata.annotations['a.b/c']", []),
        (".metadata.annotations['plain']", ["yes"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["False"]),
        (".status.conditions[?(@.type=='Ready')].status", ["False"]),
        ('.status.conditions[?(@.type != "Ready")].status', ["True"]),
        (".status.conditions[?(@.reason)].type", ["Ready"]),
        ('.status.conditions[?(@.type=="Nothing")].status', []),
        (".spec.nums[?(@.v<3)].n", ["a", "b"]),
        (".spec.nums[?(@.v>=2)].n", ["b", "c"]),
        (".spec.nums[?(@.v==2)].n", ["b"]),
        (".spec..n", ["a", "b", "c"]),
    ],
)
def test_paths_find_values(path: str, found: list[Any]) -> None:
    assert jsonpath.compile_path(path).find(OBJECT) == found


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (".spec.list[9]", "array index out of bounds: index 9, length 3"),
        (".spec.a[0]", "is not array or slice"),
        (".spec.a[?(@.x)]", "is not array or slice and cannot be filtered"),
        (".spec.list[", "unterminated array"),
        (".spec.list[x]", "invalid array index x"),
        ('.spec.nums[?(@.n=="a"].v', "unterminated filter"),
    ],
)
def test_paths_that_make_no_sense_are_refused(path: str, reason: str) -> None:
    with pytest.raises(jsonpath.PathError) as caught:
        jsonpath.compile_path(path).find(OBJECT)
    assert reason in str(caught.value)


def test_the_first_value_may_be_missing() -> None:
    assert jsonpath.compile_path(".spec.a").first(OBJECT) == "x"
    assert jsonpath.compile_path(".spec.b").first(OBJECT) is None


def test_descent_is_bounded() -> None:
    wide: Any = {"leaf": 1}
    for _ in range(18):
        wide = {"l": wide, "r": wide}
    with pytest.raises(jsonpath.PathError, match="too many values"):
        jsonpath.compile_path("..leaf").find(wide)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=".[]()?@*'\"=<>!:,ab0-\\{}$ ", max_size=25))
def test_any_text_is_a_path_or_is_refused(text: str) -> None:
    try:
        found = jsonpath.compile_path(text).find(OBJECT)
    except jsonpath.PathError:
        return
    assert isinstance(found, list)
