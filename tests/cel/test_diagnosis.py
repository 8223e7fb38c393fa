from __future__ import annotations

import time

import pytest

from tests.cel.expressions import complaints

OPERAND = (
    "expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT,"
    " NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
FIELD = "expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [f"1:1 mismatched input '<EOF>' {OPERAND}"]),
        ("in", [f"1:1 mismatched input 'in' {OPERAND}", f"1:3 mismatched input '<EOF>' {OPERAND}"]),
        (
            "1 + +",
            [f"1:5 mismatched input '+' {OPERAND}", f"1:6 mismatched input '<EOF>' {OPERAND}"],
        ),
        ("-!x", ["1:2 no viable alternative at input '-!'"]),
        ("!-x", ["1:3 no viable alternative at input '-x'"]),
        (
            "a.in",
            [
                "1:3 no viable alternative at input '.in'",
                f"1:5 mismatched input '<EOF>' {OPERAND}",
            ],
        ),
        ("a.true", ["1:3 mismatched input 'true' expecting IDENTIFIER"]),
        ("(a){}", ["1:4 mismatched input '{' expecting <EOF>"]),
        ("a b", ["1:3 extraneous input 'b' expecting <EOF>"]),
        ("f(a,)", [f"1:5 mismatched input ')' {OPERAND}"]),
        ("x{.", [f"1:3 mismatched input '.' {FIELD}"]),
        (
            "func{{a}}",
            [
                f"1:6 extraneous input '{{' {FIELD}",
                "1:8 mismatched input '}' expecting ':'",
                "1:9 extraneous input '}' expecting <EOF>",
            ],
        ),
        ("{a}", ["1:3 mismatched input '}' expecting ':'"]),
        ("a.`b`()", ["1:6 mismatched input '(' expecting <EOF>"]),
        (
            "a | b",
            ["1:3 token recognition error at: '| '", "1:5 extraneous input 'b' expecting <EOF>"],
        ),
        ("1 \v + 2", ["1:3 token recognition error at: '\v'"]),
        (
            "has(a.`$b`)",
            [
                "1:7 token recognition error at: '`$'",
                "1:10 token recognition error at: '`)'",
                "1:12 missing ')' at '<EOF>'",
            ],
        ),
        (
            r'"\xFh"',
            [
                r"""1:1 token recognition error at: '"\xFh'""",
                """1:6 token recognition error at: '"'""",
                f"1:7 mismatched input '<EOF>' {OPERAND}",
            ],
        ),
    ],
)
def test_syntax_errors_are_worded_as_by_upstream(text: str, expected: list[str]) -> None:
    found = [complaint.replace("Syntax error: ", "") for complaint in complaints(text)]

    assert found == expected


def test_recovery_ends_after_some_attempts() -> None:
    found = complaints("a." + "in " * 400)

    assert found[-1].endswith("Syntax error: error recovery attempt limit exceeded: 30")


def test_recovery_skips_no_more_than_some_tokens() -> None:
    found = complaints("1" + " 2" * 400)

    assert found[-1].endswith("error recovery token lookahead limit exceeded: 256")


@pytest.mark.parametrize(
    "text",
    [
        "a b" * 30_000,
        "(" * 200 + "a b" * 200,
        "{" * 90_000,
        "?:" * 5_000,
        "`" * 90_000,
        "\x00" * 99_999,
    ],
)
def test_no_text_takes_long_to_complain_about(text: str) -> None:
    start = time.process_time()

    assert complaints(text)
    assert time.process_time() - start < 2
