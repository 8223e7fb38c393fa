"""Cursors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.errors import InternalError
from choreo_local.services import paging


@given(st.text(), st.integers(0, 10**6))
def test_a_cursor_is_read_as_it_was_written(token: str, skip: int) -> None:
    cursor = paging.Cursor(token, skip)
    assert paging.decode(paging.encode(cursor)) == cursor


def test_no_cursor_is_the_start() -> None:
    assert paging.decode("") == paging.START


@given(st.text(min_size=1, max_size=60))
def test_any_other_text_is_refused_and_nothing_else(text: str) -> None:
    try:
        paging.decode(text)
    except InternalError:
        return
    assert paging.encode(paging.decode(text)).rstrip("=")


@pytest.mark.parametrize("text", ["eyJjIjoxLCJzIjowfQ", "eyJjIjoiIiwicyI6LTF9", "W10", "bnVsbA"])
def test_json_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InternalError):
        paging.decode(text)
