"""Copies of JSON values."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.copying import deep_copy

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def containers(value: Any) -> set[int]:
    found = {id(value)} if isinstance(value, dict | list) else set()
    children = value.values() if isinstance(value, dict) else value
    for child in children if isinstance(value, dict | list) else ():
        found |= containers(child)
    return found


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_a_copy_is_equal_and_shares_no_container(value: Any) -> None:
    copied = deep_copy(value)

    assert copied == value
    assert not containers(copied) & containers(value)


def test_what_the_fast_encoder_refuses_is_copied_all_the_same() -> None:
    value = {"big": 2**70, "list": [{"a": 2**70}]}

    copied = deep_copy(value)

    assert copied == value
    assert copied["list"] is not value["list"]
