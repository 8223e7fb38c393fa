"""Go's ways to print values."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery import gotext


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-1.5, "-1.5"),
        (0.0, "0"),
        (100.0, "100"),
        (0.00012, "0.00012"),
        (0.00001, "1e-05"),
        (1.25e-7, "1.25e-07"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-1.5e300, "-1.5e+300"),
        (123456.789, "123456.789"),
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (7, "7"),
    ],
)
def test_numbers_are_as_short_as_go_makes_them(value: float, text: str) -> None:
    assert gotext.number(value) == text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("plain é", '"plain é"'),
        ('a"b\\c', r'"a\"b\\c"'),
        ("\n\t\x01\x7f", r'"\n\t\x01\x7f"'),
        ("\u2028\U000e0001", r'"\u2028\U000e0001"'),
    ],
)
def test_texts_are_quoted_with_gos_escapes(text: str, quoted: str) -> None:
    assert gotext.quote(text) == quoted


@pytest.mark.parametrize(
    ("value", "plain", "literal", "kind"),
    [
        (None, "<nil>", "interface {}(nil)", "<nil>"),
        (True, "true", "true", "bool"),
        (False, "false", "false", "bool"),
        (5, "5", "5", "int64"),
        (1.5, "1.5", "1.5", "float64"),
        ("x", "x", '"x"', "string"),
        (["a", 1], "[a 1]", '[]interface {}{"a", 1}', "[]interface {}"),
        (
            {"b": 1, "a": {"c": "d"}},
            "map[a:map[c:d] b:1]",
            'map[string]interface {}{"a":map[string]interface {}{"c":"d"}, "b":1}',
            "map[string]interface {}",
        ),
    ],
)
def test_values_print_as_go_prints_them(value: Any, plain: str, literal: str, kind: str) -> None:
    assert gotext.plain(value) == plain
    assert gotext.literal(value) == literal
    assert gotext.type_name(value) == kind


def test_json_is_fit_for_html() -> None:
    text = gotext.to_json({"b": "<&>", "a": [1, None]})

    assert text == '{"b":"\\u003c\\u0026\\u003e","a":[1,null]}'
