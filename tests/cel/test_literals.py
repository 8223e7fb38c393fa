from __future__ import annotations

from typing import Any

import pytest

from choreo_local.cel.values import Uint
from tests.cel.expressions import complaints, evaluate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0x1F", 31),
        ("-0x10", -16),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("18446744073709551615u", Uint(2**64 - 1)),
        ("0xFFu", Uint(255)),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-2.5e-3", -0.0025),
        ("true", True),
        ("null", None),
    ],
)
def test_numbers_and_constants(text: str, expected: Any) -> None:
    value = evaluate(text)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"'a\nb'", "a\nb"),
        (r"'\a\b\f\r\t\v\\\'\"\`\?'", "\a\b\f\r\t\v\\'\"`?"),
        (r"'\x41\101\u00e9\U0001F600'", "AAé😀"),
        (r"r'a\nb'", "a\\nb"),
        ('"""a"b\nc"""', 'a"b\nc'),
        ("'''a''b'''", "a''b"),
        ("R'''\\'''", "\\"),
        ("''''''", ""),
        ("'''a\r\nb\rc'''", "a\nb\nc"),
    ],
)
def test_strings(text: str, expected: str) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b'abc'", b"abc"),
        ("b'é'", "é".encode()),
        (r"b'\xff\377'", b"\xff\xff"),
        (r"rb'\n'".replace("rb", "br"), b"\\n"),
        ("B'''a\nb'''", b"a\nb"),
    ],
)
def test_bytes(text: str, expected: bytes) -> None:
    assert evaluate(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9223372036854775808", "1:1 invalid int literal"),
        ("-9223372036854775809", "1:1 invalid int literal"),
        ("18446744073709551616u", "1:1 invalid uint literal"),
        ("1e400", "1:1 invalid double literal"),
        ("9" * 5000, "1:1 invalid int literal"),
        (r"'\ud800'", "1:1 invalid unicode code point"),
        (r"'\U00110000'", "1:1 invalid unicode code point"),
        (r"b'\u0041'", "1:1 unable to unescape string"),
    ],
)
def test_what_stands_for_no_value_is_refused(text: str, expected: str) -> None:
    assert complaints(text) == [expected]
