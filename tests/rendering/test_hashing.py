"""Content hashes."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from choreo_local.rendering import hashing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def test_functions_give_the_known_hashes() -> None:
    assert hashing.fnv_hex("hello world") == "d58b3fa7"
    assert hashing.fnv_hex("test data") == "578fbe87"
    assert hashing.fnv32a(b"") == 2166136261


def test_dump_names_the_type_of_every_part() -> None:
    assert hashing.dump({"b": [1, 2.0, None], "a": "x"}) == (
        "(map[string]interface {})map[a:(string)x b:([]interface {})[(int64)1 (float64)2 <nil>]]"
    )


def test_ints_and_doubles_hash_differently() -> None:
    assert hashing.compute({"a": 1}) != hashing.compute({"a": 1.0})


@given(JSON)
def test_canonical_hash_is_short_stable_and_free_of_vowels(value: object) -> None:
    digest = hashing.canonical({"content": value})

    assert re.fullmatch(r"[4-9bcdf]{1,10}", digest)
    assert digest == hashing.canonical({"content": value})


def test_canonical_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert hashing.canonical({"a": 1, "b": 2}) == hashing.canonical({"b": 2, "a": 1})
    assert hashing.canonical({"a": 1}) != hashing.canonical({"a": 2})
