from __future__ import annotations

from typing import Any

import pytest

from tests.cel.expressions import evaluate, failure


@pytest.mark.parametrize(
    ("part", "shown"),
    [("1", "1"), ("2u", "2"), ("1.5", "1.5"), ("1e6", "1e+06"), ("true", "true")],
)
def test_only_texts_can_be_joined(part: str, shown: str) -> None:
    assert failure(f"['a', {part}].join(',')") == f"join: invalid input: {shown}"


def test_null_is_no_text_either() -> None:
    assert failure("['a', null].join()") == "join: invalid input: NULL_VALUE"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("[].join(',')", ""),
        ("['a'].join(',')", "a"),
        ("'a,b,c'.split(',', 2).join('/')", "a/b,c"),
        ("'abc'.split('').join('-')", "a-b-c"),
        ("'hello'.lastIndexOf('l', 9)", -1),
        ("'hello'.indexOf('', 2)", 2),
        ("'ÄBC'.lowerAscii()", "Äbc"),
        ("'abc'.replace('', '-')", "-a-b-c-"),
    ],
)
def test_what_strings_can_do(text: str, result: Any) -> None:
    assert evaluate(text) == result


def test_places_outside_of_a_text_are_refused() -> None:
    assert failure("'hello'.substring(3, 1)") == "invalid substring range. start: 3, end: 1"
    assert failure("'abc'.charAt(4)") == "index out of range: 4"
