"""What the rules of a schema say about objects."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import (
    rulings,
    structural,
)
from choreo_local.apimachinery.schema.correlation import ABSENT
from tests.apimachinery.schema.ruled import INTEGER, OBJECT, STRING, ruled


def broken(spec: dict[str, Any], value: Any, old: Any = ABSENT) -> list[tuple[str, str]]:
    schema = structural.from_crd({"type": "object", "properties": {"f": spec}})
    before = ABSENT if old is ABSENT else {"f": old}
    found = rulings.validate(schema, {"f": value}, before)
    return [(error.field, error.message) for error in found]


@pytest.mark.parametrize(
    ("spec", "value", "message"),
    [
        (ruled(INTEGER, "self > 3"), 2, "Invalid value: 2: failed rule: self > 3"),
        (ruled(STRING, "self != 'z'"), "z", "Invalid value: \"z\": failed rule: self != 'z'"),
        (
            ruled(STRING, {"rule": "false", "message": " no "}),
            "z",
            'Invalid value: "z": no',
        ),
        (
            ruled(STRING, {"rule": "false", "messageExpression": "'not ' + self"}),
            "z",
            'Invalid value: "z": not z',
        ),
        (
            ruled({"type": "array", "items": INTEGER}, "self.size() == 0"),
            [1],
            "Invalid value: failed rule: self.size() == 0",
        ),
        (
            ruled(
                {"type": "object", "additionalProperties": STRING},
                "self.all(k, k.startsWith('x'))",
            ),
            {"a": "b"},
            "Invalid value: failed rule: self.all(k, k.startsWith('x'))",
        ),
        (
            ruled({"x-kubernetes-int-or-string": True}, "type(self) == string || self < 10"),
            11,
            "Invalid value: 11: failed rule: type(self) == string || self < 10",
        ),
        (
            ruled({**STRING, "format": "date-time"}, "self > timestamp('2000-01-01T00:00:00Z')"),
            "1999-01-01T00:00:00Z",
            'Invalid value: "1999-01-01T00:00:00Z": failed rule: self > '
            "timestamp('2000-01-01T00:00:00Z')",
        ),
        (
            ruled({**STRING, "format": "date"}, "self.getFullYear() == 2026"),
            "2025-05-05",
            'Invalid value: "2025-05-05": failed rule: self.getFullYear() == 2026',
        ),
        (
            ruled({**STRING, "format": "duration"}, "self < duration('1h')"),
            "2h",
            "Invalid value: \"2h\": failed rule: self < duration('1h')",
        ),
        (
            ruled({**STRING, "format": "byte"}, "self == b'x'"),
            "YQ==",
            "Invalid value: \"YQ==\": failed rule: self == b'x'",
        ),
        (
            ruled({"type": "number"}, "self < 1.5"),
            2,
            "Invalid value: 2: failed rule: self < 1.5",
        ),
        (
            ruled(STRING, "!format.dns1123Label().validate(self).hasValue()"),
            "A_B",
            'Invalid value: "A_B": failed rule: !format.dns1123Label().validate(self).hasValue()',
        ),
        (
            ruled(STRING, "!format.dns1123LabelPrefix().validate(self).hasValue()"),
            "A-",
            'Invalid value: "A-": failed rule: '
            "!format.dns1123LabelPrefix().validate(self).hasValue()",
        ),
        (
            ruled(STRING, "!format.uuid().validate(self).hasValue()"),
            "x",
            'Invalid value: "x": failed rule: !format.uuid().validate(self).hasValue()',
        ),
    ],
)
def test_a_broken_rule_is_told_with_the_value(
    spec: dict[str, Any], value: Any, message: str
) -> None:
    assert broken(spec, value) == [("f", message)]


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        (
            {"rule": "self.kind != 'x'", "reason": "FieldValueForbidden", "fieldPath": ".kind"},
            {"kind": "x"},
            ("f.kind", "Forbidden: failed rule: self.kind != 'x'"),
        ),
        (
            {"rule": "has(self.min)", "reason": "FieldValueRequired", "fieldPath": ".min"},
            {},
            ("f.min", "Required value: failed rule: has(self.min)"),
        ),
        (
            {"rule": "false", "reason": "FieldValueDuplicate"},
            {},
            ("f", "Duplicate value"),
        ),
        (
            {"rule": "false", "reason": "FieldValueInvalid", "fieldPath": "['x y']"},
            {},
            ("f.x y", "Invalid value: failed rule: false"),
        ),
    ],
)
def test_a_rule_may_name_its_reason_and_field(
    rule: dict[str, Any], value: Any, expected: tuple[str, str]
) -> None:
    assert broken(ruled(OBJECT, rule), value) == [expected]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("self.a__dash__b == 'z'", {"a-b": "z"}),
        ("self.if == 'z'", {"if": "z"}),
        ("self.__if__ == 'z'", {"if": "z"}),
        ("self.__in__ == 'z'", {"in": "z"}),
        ("self.size == 2.0", {"size": 2}),
        ("self.embedded.metadata.name == 'n'", {"embedded": {"metadata": {"name": "n"}}}),
        ("self.embedded.kind == 'K'", {"embedded": {"kind": "K"}}),
    ],
)
def test_properties_are_reached_by_their_escaped_names(rule: str, value: Any) -> None:
    assert broken(ruled(OBJECT, rule), value) == []


@pytest.mark.parametrize("name", ["free", "list", "map"])
def test_what_has_no_type_cannot_be_reached(name: str) -> None:
    ((_, message),) = broken(ruled(OBJECT, f"has(self.{name})"), {})

    assert message.startswith("Invalid value: rule compile error: compilation failed: ")
    assert f"undefined field '{name}'" in message


def test_messages_fall_back_when_they_cannot_be_made() -> None:
    def told(expression: str) -> str:
        rule = {"rule": "false", "message": "written", "messageExpression": expression}
        ((_, message),) = broken(ruled(OBJECT, rule), {"kind": "k"})
        return message

    assert told("self.kind") == "Invalid value: k"
    assert told("' '") == "Invalid value: written"
    assert told("'a\\nb'") == "Invalid value: written"
    assert told("string(1 / (self.min - self.min))") == "Invalid value: written"
    assert told("self.nope") == "Invalid value: written"


def test_an_evaluation_that_fails_is_told() -> None:
    schema = ruled(INTEGER, "[1][self] == 1")
    ((_, message),) = broken(schema, 5)

    assert message.startswith("Invalid value: 5: ")
    assert message.endswith(" evaluating rule: [1][self] == 1")


def test_a_wrong_argument_of_an_int_or_string_is_told() -> None:
    schema = ruled({"x-kubernetes-int-or-string": True}, "self < 10")
    ((_, message),) = broken(schema, "x")

    assert message == (
        "Invalid value: \"x\": 'no such overload': call arguments did not match a supported "
        "operator, function or macro signature for rule: self < 10"
    ) or message.startswith('Invalid value: "x": \'no such overload')


def test_a_rule_that_costs_too_much_is_stopped() -> None:
    schema = ruled(
        {"type": "array", "items": INTEGER},
        "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))",
    )
    ((_, message),) = broken(schema, list(range(200)))

    assert message.startswith(
        "Invalid value: no further validation rules will be run due to call cost exceeds limit for"
    )


def numbers(length: int) -> list[int]:
    """Items that make a rule over their pairs dear."""
    return list(range(length))


PAIRS = "self.all(a, self.all(b, a + b >= 0))"


def test_the_rules_of_an_object_share_a_budget() -> None:
    entries = ruled({"type": "array", "items": INTEGER}, PAIRS)
    schema = structural.from_crd({"type": "object", "additionalProperties": entries})
    value = {name: numbers(100) for name in "abcdef"}

    assert rulings.validate(schema, value, budget=10_000_000) == []
    (error,) = rulings.validate(schema, value, budget=200_000)
    assert error.field in {f"[{name}]" for name in value}
    assert error.message == (
        "Invalid value: validation failed due to running out of cost budget, "
        "no further validation rules will be run"
    )


def test_no_rule_is_asked_after_one_that_cost_too_much() -> None:
    triples = "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))"
    schema = ruled({"type": "array", "items": INTEGER}, "self.size() == 0", triples, "false")
    cheap, dear = broken(schema, numbers(200))

    assert cheap[1] == "Invalid value: failed rule: self.size() == 0"
    assert dear[1].endswith(f"call cost exceeds limit for rule: {triples}")


def test_what_a_failing_rule_and_its_message_cost_is_paid() -> None:
    message = f"'sum ' + string({PAIRS})"
    listed = {"type": "array", "items": INTEGER}
    failing = ruled(listed, f"{PAIRS} && [1][7] == 1")
    explained = ruled(listed, {"rule": "false", "messageExpression": message})

    def told(spec: dict[str, Any], budget: int) -> str:
        (error,) = rulings.validate(structural.from_crd(spec), numbers(100), budget=budget)
        return error.message

    assert "index out of bounds" in told(failing, 1_000_000)
    assert "validation failed due to running out of cost budget" in told(failing, 1_000)
    assert told(explained, 1_000_000) == "Invalid value: sum true"
    assert told(explained, 1_000) == (
        "Invalid value: messageExpression evaluation failed due to running out of cost budget"
    )


def test_a_bad_text_of_a_format_is_told_where_it_is_needed() -> None:
    schema = ruled({**STRING, "format": "byte"}, "self == b'x'")
    ((_, message),) = broken(schema, "***")

    assert "failed to decode the base64 text of a byte field evaluating rule" in message


IMMUTABLE = ruled(STRING, {"rule": "self == oldSelf", "message": "is immutable"})


def test_a_transition_rule_needs_an_old_value() -> None:
    assert broken(IMMUTABLE, "a") == []
    assert broken(IMMUTABLE, "a", "a") == []
    assert broken(IMMUTABLE, "b", "a") == [("f", 'Invalid value: "b": is immutable')]


def test_a_transition_rule_may_run_without_an_old_value() -> None:
    rule = {
        "rule": "oldSelf.hasValue() || self.startsWith('a')",
        "optionalOldSelf": True,
        "message": "must start with a at creation",
    }

    assert broken(ruled(STRING, rule), "ab") == []
    assert broken(ruled(STRING, rule), "b") == [
        ("f", 'Invalid value: "b": must start with a at creation')
    ]
    assert broken(ruled(STRING, rule), "b", "ab") == []


def test_items_are_compared_with_the_old_items_of_their_keys() -> None:
    grow = ruled(
        {"type": "object", "required": ["k"], "properties": {"k": STRING, "v": INTEGER}},
        {"rule": "self.v >= oldSelf.v", "message": "may only grow"},
    )
    schema = {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
        "items": grow,
    }
    old = [{"k": "a", "v": 5}, {"k": "b", "v": 1}]

    assert broken(schema, [{"k": "c", "v": 0}, {"k": "b", "v": 2}], old) == []
    assert broken(schema, [{"k": "b", "v": 2}, {"k": "a", "v": 4}], old) == [
        ("f[1]", "Invalid value: may only grow")
    ]
    assert broken({**schema, "x-kubernetes-list-type": "atomic"}, [{"k": "a", "v": 4}], old) == []


def test_entries_are_compared_with_the_old_entries() -> None:
    schema = {"type": "object", "additionalProperties": IMMUTABLE}

    assert broken(schema, {"a": "x", "b": "y"}, {"a": "x"}) == []
    assert broken(schema, {"a": "z"}, {"a": "x"}) == [("f[a]", 'Invalid value: "z": is immutable')]


def test_what_has_not_changed_is_not_held_against_a_rule() -> None:
    schema = ruled(OBJECT, "self.min > 3")

    assert broken(schema, {"min": 1}, {"min": 1}) == []
    assert len(broken(schema, {"min": 2}, {"min": 1})) == 1


def test_a_rule_at_the_root_sees_the_name() -> None:
    schema = structural.from_crd(
        ruled({"type": "object"}, {"rule": "self.metadata.name.size() < 5", "message": "too long"})
    )

    assert rulings.validate(schema, {"metadata": {"name": "abc"}}) == []
    (error,) = rulings.validate(schema, {"metadata": {"name": "averylongname"}})
    assert (error.field, error.message) == ("<nil>", "Invalid value: too long")


def test_null_is_not_asked() -> None:
    assert broken(ruled({**STRING, "nullable": True}, "self == 'x'"), None) == []


def test_unknown_fields_and_wrong_types_are_passed_over() -> None:
    schema = structural.from_crd({"type": "object", "properties": {"f": IMMUTABLE}})

    assert rulings.validate(schema, {"other": 1}) == []
    assert rulings.validate(schema, "text") == []
