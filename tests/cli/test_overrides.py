"""Settings of `--set`."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.cli.overrides import changed
from choreo_local.errors import UsageError


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("a=1", {"a": 1}),
        ("a.b.c=true", {"a": {"b": {"c": True}}}),
        ("a=null", {"a": None}),
        ("a=1.5", {"a": 1.5}),
        ("a=text", {"a": "text"}),
        ('a="1"', {"a": '"1"'}),
        ("a={}", {"a": "{}"}),
        ("a=", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("a[1].b=x", {"a": [None, {"b": "x"}]}),
        ("a[0][1]=x", {"a": [[None, "x"]]}),
        ("a.0=x", {"a": {"0": "x"}}),
        (r"a\.b/c=x", {"a.b/c": "x"}),
    ],
)
def test_a_path_makes_what_is_missing(setting: str, expected: dict[str, Any]) -> None:
    assert changed({}, [setting]) == expected


def test_the_rest_of_the_object_stays_and_the_original_too() -> None:
    obj = {"spec": {"list": [1, 2], "other": "x"}}
    found = changed(obj, ["spec.list[1]=3", "spec.new=4"])
    assert found == {"spec": {"list": [1, 3], "other": "x", "new": 4}}
    assert obj == {"spec": {"list": [1, 2], "other": "x"}}


def test_paths_may_begin_below() -> None:
    assert changed({}, ["a=1"], below=["spec", "b"]) == {"spec": {"b": {"a": 1}}}


@pytest.mark.parametrize(
    "setting",
    ["bad", "=1", "a..b=1", "a.=1", "a[x]=1", "a[=1", "[0]=1", "a[9999]=1", "a" + ".a" * 99 + "=1"],
)
def test_what_cannot_be_read_is_wrong_usage(setting: str) -> None:
    with pytest.raises(UsageError, match="set"):
        changed({}, [setting])


@pytest.mark.parametrize("setting", ["text.a=1", "text[0]=1", "list.a=1"])
def test_what_does_not_fit_is_wrong_usage(setting: str) -> None:
    with pytest.raises(UsageError, match="cannot set"):
        changed({"text": "x", "list": []}, [setting])
