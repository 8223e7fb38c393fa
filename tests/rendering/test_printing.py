"""Values as text."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import printing, values
from choreo_local.rendering.errors import RenderError


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3.0, "3"),
        (0.5, "0.5"),
        (100000.0, "100000"),
        (999999.0, "999999"),
        (1000000.0, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (-0.0, "-0"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e100, "1e+100"),
        (float("inf"), "+Inf"),
    ],
)
def test_double_has_its_shortest_text(number: float, text: str) -> None:
    assert printing.number_text(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1000000.0, "1000000"),
        (0.00001, "0.00001"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-10, "1.5e-10"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (-2.5, "-2.5"),
        (0.0, "0"),
        (-0.0, "-0"),
    ],
)
def test_double_in_json_has_an_exponent_only_far_out(number: float, text: str) -> None:
    assert printing.json_text(number) == text


def test_json_is_compact_sorted_and_safe_in_html() -> None:
    value = {"b": [1, 2.0, True, None], "a": "<x> & \u2028", "é": values.OMIT}

    text = '{"a":"\\u003cx\\u003e \\u0026 \\u2028","b":[1,2,true,null],"é":{}}'
    assert printing.json_text(value) == text


def test_infinity_is_no_json_but_can_be_shown_inside_text() -> None:
    with pytest.raises(RenderError):
        printing.json_text([float("inf")])
    assert printing.interpolated([float("inf"), 1.0]) == "[+Inf 1]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (1.0, "1"),
        (7, "7"),
        (True, "true"),
        (None, "null"),
        ({"b": 1, "a": "x"}, '{"a":"x","b":1}'),
        (values.NULL, "0"),
        (b"hi", '"aGk="'),
    ],
)
def test_interpolated_text_is_plain_or_json(value: Any, text: str) -> None:
    assert printing.interpolated(value) == text


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        (None, "<nil>", "<nil>"),
        (False, "false", "bool"),
        (8080.0, "8080", "float64"),
        (7, "7", "int64"),
        ({"b": [1.0, "x"], "a": None}, "map[a:<nil> b:[1 x]]", "map[string]interface {}"),
        (["a", "b"], "[a b]", "[]interface {}"),
        (values.NULL, "NULL_VALUE", "structpb.NullValue"),
        (values.OMIT, "&{}", "*template.omitValue"),
    ],
)
def test_messages_show_values_and_types_as_upstream_does(value: Any, text: str, kind: str) -> None:
    assert (printing.plain_text(value), printing.type_name(value)) == (text, kind)


def test_quotes_escape_like_go() -> None:
    assert printing.quoted('a "b"\n') == '"a \\"b\\"\\n"'
