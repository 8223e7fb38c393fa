"""Regular expressions of schemas."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery.schema import patterns


def test_an_expression_matches_anywhere_in_linear_time() -> None:
    assert patterns.matches("b+", "abc")
    assert not patterns.matches("^b", "abc")
    assert not patterns.matches("^(a+)+$", "a" * 5000 + "b")


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("[", "missing closing ]: `[`"),
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        (r"\q", r"invalid escape sequence: `\q`"),
    ],
)
def test_a_broken_expression_is_explained_as_go_explains_it(pattern: str, problem: str) -> None:
    with pytest.raises(ValueError, match="error parsing regexp") as failure:
        patterns.compiled(pattern)

    assert str(failure.value) == f"error parsing regexp: {problem}"
