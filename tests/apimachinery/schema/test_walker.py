"""Validation, problem by problem, with and without the location."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import structural, walker
from choreo_local.apimachinery.schema.problems import Code, field_error

TWICE = [{"a": 1, "b": 2}, {"b": 2, "a": 1}]


def texts(schema: dict[str, Any], value: Any, *, location: str = "body") -> list[str]:
    wrapped = structural.from_crd({"type": "object", "properties": {"f": schema}})
    return [problem.text(location) for problem in walker.validate(wrapped, {"f": value})]


@pytest.mark.parametrize(
    ("schema", "value", "problems"),
    [
        ({"type": "string"}, "x", []),
        ({"type": "string"}, 5, ['f in body must be of type string: "integer"']),
        ({"type": "integer"}, "x", ['f in body must be of type integer: "string"']),
        ({"type": "integer"}, 5.0, []),
        ({"type": "integer"}, True, ['f in body must be of type integer: "boolean"']),
        ({"type": "number"}, 5, []),
        ({"type": "boolean"}, 1, ['f in body must be of type boolean: "integer"']),
        ({"type": "object"}, [], ['f in body must be of type object: "array"']),
        ({"type": "array"}, {}, ['f in body must be of type array: "object"']),
        ({"type": "string"}, None, ['f in body must be of type string: "null"']),
        ({"type": "string", "nullable": True}, None, []),
        ({}, None, []),
        ({}, [1, {"a": 2}], []),
        (
            {"x-kubernetes-int-or-string": True},
            True,
            ['f in body must be of type integer,string: "boolean"'],
        ),
        (
            {"type": "integer"},
            1.5,
            [
                'f in body must be of type integer: "number"',
                "Checked value must be of type integer (default format) in f",
            ],
        ),
        (
            {"type": "integer", "format": "int32"},
            2**31,
            ["Checked value must be of type integer with format int32 in f"],
        ),
        (
            {"type": "integer", "format": "int64"},
            float(2**60),
            [
                'f in body must be of type int64: "float64"',
            ],
        ),
        ({"type": "string", "format": "date"}, 5, ['f in body must be of type date: "int64"']),
        ({"type": "string", "format": "date"}, True, ['f in body must be of type date: ""']),
        ({"type": "string", "format": "date"}, [], []),
        ({"type": "string", "format": "ipv4"}, "x", ['f in body must be of type ipv4: "x"']),
        ({"type": "string", "format": "ipv4"}, "1.2.3.4", []),
        ({"type": "string", "format": "unknown"}, "x", []),
        (
            {"type": "string", "format": "int64"},
            5,
            ['f in body must be of type string: "integer"'],
        ),
        ({"type": "number"}, float("inf"), []),
        (
            {"type": "integer"},
            float(2**60),
            [
                'f in body must be of type integer: "number"',
            ],
        ),
    ],
)
def test_types_and_formats_are_checked(
    schema: dict[str, Any], value: Any, problems: list[str]
) -> None:
    assert texts(schema, value) == problems


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"minLength": 2}, "a", "should be at least 2 chars long"),
        ({"maxLength": 2, "minLength": 5}, "abc", "should be at most 2 chars long"),
        ({"pattern": "^b"}, "ab", "should match '^b'"),
        (
            {"pattern": "("},
            "ab",
            "should match '(, but pattern is invalid: error parsing regexp: missing closing ): "
            "`(`'",
        ),
        ({"enum": ["a", 1, True, None, 1.5]}, "b", "should be one of [a 1 true <nil> 1.5]"),
        ({"enum": [1]}, True, "should be one of [1]"),
        ({"minimum": 3}, 2, "should be greater than or equal to 3"),
        ({"minimum": 3, "exclusiveMinimum": True}, 3, "should be greater than 3"),
        ({"maximum": 3}, 4, "should be less than or equal to 3"),
        ({"maximum": 3, "exclusiveMaximum": True}, 3, "should be less than 3"),
        ({"maximum": 1.5}, 1.75, "should be less than or equal to 1.5"),
        ({"maximum": 1.5}, 2, "should be less than or equal to 1"),
        ({"multipleOf": 2}, 3, "should be a multiple of 2"),
        ({"multipleOf": 0.5}, 0.7, "should be a multiple of 0.5"),
        ({"multipleOf": 2.5}, 6.0, "should be a multiple of 2.5"),
        ({"multipleOf": 0.5}, 1e300, "should be a multiple of 0.5"),
        ({"minItems": 2}, [1], "should have at least 2 items"),
        ({"maxItems": 1}, [1, 2], "should have at most 1 items"),
        ({"uniqueItems": True}, TWICE, "shouldn't contain duplicates"),
        ({"minProperties": 1}, {}, "should have at least 1 properties"),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, "should have at most 1 properties"),
    ],
)
def test_each_limit_has_its_words(schema: dict[str, Any], value: Any, problem: str) -> None:
    assert texts(schema, value) == [f"f in body {problem}"]
    assert texts(schema, value, location="") == [f"f {problem}"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"minimum": 3}, 3),
        ({"minimum": 2.5}, 2),
        ({"minimum": 2.5}, 2.5),
        ({"pattern": "^a"}, "abc"),
        ({"maximum": 3}, 3),
        ({"multipleOf": 2}, 4),
        ({"multipleOf": 0.1}, 0.3),
        ({"uniqueItems": True}, [1, 2, "1"]),
        ({"enum": [{"a": 1}]}, {"a": 1.0}),
        ({"maxLength": 2}, "éé"),
    ],
)
def test_values_within_the_limits_have_no_problems(schema: dict[str, Any], value: Any) -> None:
    assert texts(schema, value) == []


def test_a_fraction_as_factor_of_an_integer_is_no_factor() -> None:
    assert texts({"multipleOf": 0.5}, 3) == ["factor MultipleOf declared for f must be positive: 0"]


def test_places_are_named_by_their_path() -> None:
    schema = structural.from_crd(
        {
            "type": "object",
            "required": ["top"],
            "properties": {
                "list": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["port"],
                        "properties": {"port": {"type": "integer", "minimum": 1}},
                    },
                },
                "map": {"type": "object", "additionalProperties": {"type": "integer"}},
                "closed": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"a": {"type": "string"}},
                },
            },
        }
    )
    value = {"list": [{"port": 0}, {}], "map": {"k.x/y": "z"}, "closed": {"a": "b", "c": 1}}

    found = walker.validate(schema, value)

    assert [(problem.path, problem.text("")) for problem in found] == [
        ("list[0].port", "list[0].port should be greater than or equal to 1"),
        ("list[1].port", "list[1].port is required"),
        ("map.k.x/y", 'map.k.x/y must be of type integer: "string"'),
        ("closed", "closed.c is a forbidden property"),
        (".top", ".top is required"),
    ]
    assert [field_error(problem).field for problem in found][-1] == "top"


X, Y = {"required": ["x"]}, {"required": ["y"]}


@pytest.mark.parametrize(
    ("schema", "value", "problems"),
    [
        ({"anyOf": [X, Y]}, {"x": 1}, []),
        (
            {"anyOf": [X, Y]},
            {},
            ['"f" must validate at least one schema (anyOf)', "f.x in body is required"],
        ),
        ({"oneOf": [X, Y]}, {"x": 1}, []),
        (
            {"oneOf": [X, Y]},
            {"x": 1, "y": 2},
            [
                '"f" must validate one and only one schema (oneOf). Found 2 valid alternatives',
            ],
        ),
        (
            {"oneOf": [X, Y]},
            {},
            [
                '"f" must validate one and only one schema (oneOf). Found none valid',
                "f.x in body is required",
            ],
        ),
        ({"allOf": [X, Y]}, {"x": 1, "y": 2}, []),
        (
            {"allOf": [X, Y]},
            {"x": 1},
            ["f.y in body is required", '"f" must validate all the schemas (allOf)'],
        ),
        (
            {"allOf": [X, Y]},
            {},
            [
                "f.x in body is required",
                "f.y in body is required",
                '"f" must validate all the schemas (allOf). None validated',
            ],
        ),
        ({"not": X}, {}, []),
        ({"not": X}, {"x": 1}, ['"f" must not validate the schema (not)']),
    ],
)
def test_compositions_report_themselves_and_their_best_branch(
    schema: dict[str, Any], value: Any, problems: list[str]
) -> None:
    assert texts(schema, value) == problems


def test_the_branch_that_passes_most_checks_is_reported() -> None:
    near = {"properties": {"a": {"type": "integer", "minimum": 5}}}
    far = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["c"]}

    assert texts({"anyOf": [far, near]}, {"a": 1}) == [
        '"f" must validate at least one schema (anyOf)',
        "f.a in body should be greater than or equal to 5",
    ]


def test_a_problem_is_reported_once() -> None:
    again = {"type": "object", "properties": {"a": {"type": "string"}}}

    assert texts({**again, "allOf": [again, again]}, {"a": 1}) == [
        'f.a in body must be of type string: "integer"',
        '"f" must validate all the schemas (allOf). None validated',
    ]


def test_a_value_that_nests_without_end_is_refused() -> None:
    definitions = {"N": {"type": "object", "properties": {"n": {"$ref": "N"}}}}
    schema = structural.from_openapi(definitions["N"], definitions.__getitem__)
    value: dict[str, Any] = {}
    for _ in range(300):
        value = {"n": value}

    (problem,) = walker.validate(schema, value)

    assert problem.phrase == "is nested more than 100 levels deep"


LISTS = structural.from_crd(
    {
        "type": "object",
        "properties": {
            "a": {"type": "integer", "maximum": 5},
            "map": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["k"],
                "items": {"properties": {"k": {}, "v": {"maximum": 5}}},
            },
            "plain": {"type": "array", "items": {"maximum": 5}},
        },
    }
)


def test_what_has_not_changed_is_not_complained_about() -> None:
    old = {"a": 9, "map": [{"k": "x", "v": 9}], "plain": [9]}
    new = {"a": 9, "map": [{"k": "y"}, {"k": "x", "v": 9, "w": 1}], "plain": [9, 1]}

    assert walker.validate(LISTS, old, old=old) == []
    # Items of a plain list cannot be told apart, so a changed list is checked as a whole.
    assert [problem.path for problem in walker.validate(LISTS, new, old=old)] == ["plain[0]"]
    assert [problem.path for problem in walker.validate(LISTS, {**old, "a": 8}, old=old)] == ["a"]


@pytest.mark.parametrize(
    ("schema", "value", "code", "reason"),
    [
        ({"type": "string"}, 1, Code.TYPE, "FieldValueTypeInvalid"),
        ({"enum": ["a", 1]}, "b", Code.ENUM, "FieldValueNotSupported"),
        ({"maxLength": 1}, "ab", Code.TOO_LONG, "FieldValueTooLong"),
        ({"maxItems": 1}, [1, 2], Code.TOO_MANY_ITEMS, "FieldValueTooMany"),
        ({"maxProperties": 0}, {"a": 1}, Code.TOO_MANY_PROPERTIES, "FieldValueTooMany"),
        ({"required": ["a"]}, {}, Code.REQUIRED, "FieldValueRequired"),
        ({"minimum": 1}, 0, Code.OTHER, "FieldValueInvalid"),
        ({"not": {}}, 0, Code.OTHER, "FieldValueInvalid"),
    ],
)
def test_each_problem_has_the_reason_of_its_kind(
    schema: dict[str, Any], value: Any, code: Code, reason: str
) -> None:
    (problem,) = walker.validate(structural.from_crd(schema), value, "spec")

    assert (problem.code, field_error(problem).reason) == (code, reason)


def test_a_problem_below_another_field_is_named_from_there() -> None:
    schema = structural.from_crd({"properties": {"a": {"type": "string"}}})
    (problem,) = walker.validate(schema, {"a": 1})

    error = field_error(problem, parent="spec.default")

    assert (error.field, error.detail) == (
        "spec.default.a",
        'a in body must be of type string: "integer"',
    )
    assert field_error(walker.validate(schema.properties["a"], 1)[0]).field == "<nil>"
