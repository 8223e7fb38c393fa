"""What is wrong with a text that is not JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.apiserver import jsonwords


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{not json", "invalid character 'n' looking for beginning of object key string"),
        ("nonsense", "invalid character 'o' in literal null (expecting 'u')"),
        ('{"a":}', "invalid character '}' looking for beginning of value"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        ('{"}":[1 2]}', "invalid character '2' after array element"),
        ("{} x", "invalid character 'x' after top-level value"),
        ('{"a":', "unexpected EOF"),
        ('{"a', "unexpected EOF"),
        ("[1,", "unexpected EOF"),
    ],
)
def test_the_first_problem_is_named(text: str, words: str) -> None:
    assert jsonwords.problem(text) == words


@given(st.text(alphabet='{}[]",:\\ ant1\n', max_size=30))
def test_any_text_gets_one_line(text: str) -> None:
    assert "\n" not in jsonwords.problem(text) or "'\n'" in jsonwords.problem(text)
