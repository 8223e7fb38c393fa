"""Cursors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.errors import BadRequestError
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
    except BadRequestError:
        return
    assert paging.encode(paging.decode(text)).rstrip("=")


@pytest.mark.parametrize("text", ["eyJjIjoxLCJzIjowfQ", "eyJjIjoiIiwicyI6LTF9", "W10", "bnVsbA"])
def test_json_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(BadRequestError):
        paging.decode(text)


@given(st.text(), st.integers(0, 10**6))
def test_a_sealed_cursor_is_read_as_it_was_written(token: str, skip: int) -> None:
    sealed, cursor = paging.Sealed(), paging.Cursor(token, skip)
    assert sealed.decode(sealed.encode(cursor)) == cursor
    assert sealed.decode("") == paging.START


def test_a_sealed_cursor_says_nothing_not_even_by_its_length() -> None:
    sealed = paging.Sealed()
    texts = [sealed.encode(paging.Cursor("t" * size, size)) for size in (0, 10, 200)]
    assert len({len(text) for text in texts}) == 1
    with pytest.raises(BadRequestError):
        paging.decode(texts[0])


@given(st.text(min_size=1, max_size=60))
def test_a_cursor_that_was_not_sealed_here_is_refused(text: str) -> None:
    for other in (
        text,
        paging.encode(paging.Cursor("token", 3)),
        paging.Sealed().encode(paging.START),
    ):
        with pytest.raises(BadRequestError):
            _SEALED.decode(other)


_SEALED = paging.Sealed()
