"""What is wrong with the rules of a CRD."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import checking
from tests.apimachinery.schema.ruled import OBJECT, STRING, ruled

IMMUTABLE = ruled(STRING, {"rule": "self == oldSelf", "message": "is immutable"})


def compiled(*rule: dict[str, Any], spec: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    schema = {"type": "object", "properties": {"spec": ruled(spec or OBJECT, *rule)}}
    prefix = "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0]"
    return [(error.field.removeprefix(prefix), error.message) for error in checking.check(schema)]


@pytest.mark.parametrize(
    ("rule", "path", "message"),
    [
        ({"rule": " "}, ".rule", "Required value: rule is not specified"),
        ({"message": "x"}, ".rule", "Required value: rule is not specified"),
        (
            {"rule": "true", "message": " "},
            ".message",
            'Invalid value: " ": must be non-empty if specified',
        ),
        (
            {"rule": "true", "message": "a\nb"},
            ".message",
            'Invalid value: "a\\nb": must not contain line breaks',
        ),
        (
            {"rule": "true ||\nfalse"},
            ".message",
            "Required value: message must be specified if rule contains line breaks",
        ),
        (
            {"rule": "true", "messageExpression": " "},
            ".messageExpression",
            "Required value: must be non-empty if specified",
        ),
        (
            {"rule": "true", "reason": "Foo"},
            ".reason",
            'Unsupported value: "Foo": supported values: "FieldValueDuplicate", '
            '"FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"',
        ),
        (
            {"rule": "true", "fieldPath": "a b"},
            ".fieldPath",
            'Invalid value: "a b": must be a valid path',
        ),
        (
            {"rule": "true", "fieldPath": ".nope"},
            ".fieldPath",
            'Invalid value: ".nope": must be a valid path',
        ),
        (
            {"rule": "self.min"},
            ".rule",
            'Invalid value: {"Rule":"self.min","Message":"","MessageExpression":"","Reason":null,'
            '"FieldPath":"","OptionalOldSelf":null}: cel expression must evaluate to a bool',
        ),
        (
            {"rule": "true", "messageExpression": "self.min"},
            ".messageExpression",
            'Invalid value: {"Rule":"true","Message":"","MessageExpression":"self.min",'
            '"Reason":null,"FieldPath":"","OptionalOldSelf":null}: messageExpression must '
            "evaluate to a string",
        ),
    ],
)
def test_rules_of_a_crd_are_checked(rule: dict[str, Any], path: str, message: str) -> None:
    assert compiled(rule) == [(path, message)]


def test_a_field_path_of_blanks_is_refused_twice() -> None:
    assert compiled({"rule": "true", "fieldPath": " \n"}) == [
        (".fieldPath", 'Invalid value: " \\n": must be a valid path'),
        (".fieldPath", 'Invalid value: " \\n": must be non-empty if specified'),
        (".fieldPath", 'Invalid value: " \\n": must not contain line breaks'),
    ]


def test_a_rule_that_does_not_compile_is_shown_with_the_place() -> None:
    ((path, message),) = compiled({"rule": "self.foo > 1"})

    assert path == ".rule"
    assert message.startswith('Invalid value: {"Rule":"self.foo \\u003e 1",')
    assert message.endswith(
        "compilation failed: ERROR: <input>:1:5: undefined field 'foo'\n | self.foo > 1\n | ....^"
    )


def test_a_message_that_does_not_compile_is_told() -> None:
    ((path, message),) = compiled({"rule": "true", "messageExpression": "oldSelf.nope"})

    assert path == ".messageExpression"
    assert "messageExpression compilation failed: ERROR" in message


def test_the_old_value_is_out_of_reach_below_lists_without_keys() -> None:
    listed = {"type": "array", "items": IMMUTABLE}
    schema = {"type": "object", "properties": {"l": listed}}

    error, *costs = checking.check(schema)

    assert {cost.reason for cost in costs} == {"FieldValueForbidden"}
    assert error.message == (
        'Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion '
        "of the schema within spec.validation.openAPIV3Schema.properties[l]"
    )
    short = {**IMMUTABLE, "maxLength": 10}
    entries = {"type": "object", "maxProperties": 10, "additionalProperties": short}
    assert checking.check({"type": "object", "properties": {"m": entries}}) == []
