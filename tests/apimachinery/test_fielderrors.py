"""Problems of fields and the answer made of them."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('a"b', 'Invalid value: "a\\"b": d'),
        (5, "Invalid value: 5: d"),
        (1.5, "Invalid value: 1.5: d"),
        (True, "Invalid value: true: d"),
        (None, "Invalid value: null: d"),
        ({"a": "<"}, 'Invalid value: {"a":"\\u003c"}: d'),
        ([1, 2], "Invalid value: [1,2]: d"),
        (fielderrors.OMITTED, "Invalid value: d"),
    ],
)
def test_values_are_printed_by_their_kind(value: Any, text: str) -> None:
    assert fielderrors.invalid_value("spec.a", value, "d").message == text


@pytest.mark.parametrize(
    ("error", "reason", "message"),
    [
        (fielderrors.required("f"), "FieldValueRequired", "Required value"),
        (fielderrors.required("f", "why"), "FieldValueRequired", "Required value: why"),
        (fielderrors.forbidden("f", "why"), "FieldValueForbidden", "Forbidden: why"),
        (fielderrors.duplicate("f", "x"), "FieldValueDuplicate", 'Duplicate value: "x"'),
        (fielderrors.not_found("f", "x"), "FieldValueNotFound", 'Not found: "x"'),
        (
            fielderrors.not_supported("f", "x", ["b", "a"]),
            "FieldValueNotSupported",
            'Unsupported value: "x": supported values: "b", "a"',
        ),
        (
            fielderrors.not_supported("f", "x", []),
            "FieldValueNotSupported",
            'Unsupported value: "x"',
        ),
        (
            fielderrors.too_long("f", 5),
            "FieldValueTooLong",
            "Too long: may not be more than 5 bytes",
        ),
        (fielderrors.too_long("f", -1), "FieldValueTooLong", "Too long: value is too long"),
        (
            fielderrors.too_many("f", 4, 3),
            "FieldValueTooMany",
            "Too many: 4: must have at most 3 items",
        ),
        (
            fielderrors.too_many("f", 2, 1),
            "FieldValueTooMany",
            "Too many: 2: must have at most 1 item",
        ),
        (fielderrors.too_many("f", 2, -1), "FieldValueTooMany", "Too many: 2: has too many items"),
        (
            fielderrors.type_invalid("f", "null", "why"),
            "FieldValueTypeInvalid",
            'Invalid value: "null": why',
        ),
    ],
)
def test_each_kind_of_problem_has_its_reason_and_words(
    error: FieldError, reason: str, message: str
) -> None:
    assert (error.reason, error.message, error.field) == (reason, message, "f")


def test_one_problem_is_told_in_the_message() -> None:
    error = fielderrors.invalid("Deployment", "web", [fielderrors.required("spec.a")], group="apps")

    assert error.message == 'Deployment.apps "web" is invalid: spec.a: Required value'
    assert error.details == {"name": "web", "group": "apps", "kind": "Deployment"}
    assert len(error.causes) == 1


def test_several_problems_are_listed_and_repeated_ones_told_once() -> None:
    twice = fielderrors.required("a")
    error = fielderrors.invalid("ConfigMap", "c", [twice, twice, fielderrors.required("b")])

    assert error.message == ('ConfigMap "c" is invalid: [a: Required value, b: Required value]')
    assert error.details == {"name": "c", "kind": "ConfigMap"}
    assert len(error.causes) == 3
