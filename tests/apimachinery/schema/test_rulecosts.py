"""Rules that could cost too much are refused before they ever run."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import checking, rulecosts
from choreo_local.apimachinery.schema.structural import Structural

TEXTS = {"type": "array", "items": {"type": "string"}}
SHORT = {"type": "array", "maxItems": 10, "items": {"type": "string", "maxLength": 10}}


def refused(schema: dict[str, Any], *rules: str) -> list[tuple[str, str]]:
    """Field and message of the refusals of rules on `self.v`."""
    validations = [{"rule": rule} for rule in rules]
    root = {"type": "object", "properties": {"v": schema}, "x-kubernetes-validations": validations}
    return [(error.field, error.message) for error in rulecosts.check(Structural(root), "s")]


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        (TEXTS, "self.v.all(x, x == 'a')"),
        (TEXTS, "self.v.exists(x, x.startsWith('a'))"),
        (TEXTS, "size(self.v) < 5"),
        (TEXTS, "'a' in self.v"),
        ({"type": "string"}, "self.v.contains('a')"),
        ({"type": "string"}, "self.v.matches('^a+$')"),
        ({"type": "integer"}, "self.v > 1"),
        (SHORT, "self.v.all(x, self.v.exists(y, x == y))"),
        ({"type": "string", "maxLength": 9}, "['a', 'b'].all(x, !self.v.contains(x))"),
        ({"x-kubernetes-int-or-string": True}, "type(self.v) == string || self.v < 5"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "self.v.all(k, k != 'a')"),
    ],
)
def test_what_is_cheap_passes(schema: dict[str, Any], rule: str) -> None:
    assert refused(schema, rule) == []


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        (TEXTS, "self.v.all(x, x.contains('a'))"),
        (TEXTS, "self.v.all(x, self.v.exists(y, x == y))"),
        (TEXTS, "self.v.map(x, x + 'a').join(',').size() < 5"),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            "self.v.all(k, self.v[k].matches('a'))",
        ),
    ],
)
def test_what_grows_without_bound_is_refused(schema: dict[str, Any], rule: str) -> None:
    fields = [field for field, _ in refused(schema, rule)]

    assert fields == [
        "s.x-kubernetes-validations[0].rule",
        "s.x-kubernetes-validations[0].rule",
        "s",
    ]


def test_the_refusal_tells_by_how_much() -> None:
    field, message = refused(TEXTS, "self.v.filter(x, x == 'a').size() > 1")[0]

    assert field == "s.x-kubernetes-validations[0].rule"
    assert message == (
        "Forbidden: estimated rule cost exceeds budget by factor of 1.6x (try simplifying the rule,"
        " or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are"
        " declared)"
    )


def test_a_rule_counts_as_often_as_there_may_be_values() -> None:
    item = {
        "type": "object",
        "properties": {"x": {"type": "string", "maxLength": 1000}},
        "x-kubernetes-validations": [{"rule": "self.x.matches('^a+$')"}],
    }
    bounded = {"type": "array", "maxItems": 10, "items": item}

    assert refused({"type": "array", "items": item})
    assert refused(bounded) == []
    assert refused({"type": "array", "items": bounded})


def test_rules_that_fit_alone_may_be_too_much_together() -> None:
    rule = "self.v.all(x, x.matches('^abc$'))"
    schema = {"type": "array", "maxItems": 100, "items": {"type": "string", "maxLength": 50_000}}

    assert refused(schema, rule) == []
    messages = [message for _, message in refused(schema, *[rule] * 30)]
    assert len(messages) > 1
    assert all("estimated rule cost total" in message for message in messages)


def test_messages_are_estimated_too() -> None:
    dear = "self.v.map(x, x + 'a').join(',')"
    validations = [{"rule": "true", "messageExpression": dear}]
    root = {"type": "object", "properties": {"v": TEXTS}, "x-kubernetes-validations": validations}

    found = checking.check(root, "s")

    assert any("estimated messageExpression cost exceeds" in error.message for error in found)


def test_presence_costs_nothing() -> None:
    assert refused(TEXTS, *["has(self.v)"] * 50) == []
