"""Objects inside of objects."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apimachinery.schema import embedded, structural

EMBEDDED = {
    "type": "object",
    "x-kubernetes-embedded-resource": True,
    "x-kubernetes-preserve-unknown-fields": True,
}
SCHEMA = structural.from_crd(
    {
        "type": "object",
        "properties": {
            "one": EMBEDDED,
            "list": {"type": "array", "items": EMBEDDED},
            "map": {"type": "object", "additionalProperties": EMBEDDED},
        },
    }
)
OBJECT: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment"}


def problems(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error.field, error.message) for error in embedded.validate(SCHEMA, {"one": value})]


def test_a_complete_object_is_fine() -> None:
    metadata = {
        "name": "A b",
        "namespace": "n",
        "labels": {"a": "b"},
        "annotations": {"c": "d\n"},
        "finalizers": ["x/y"],
        "creationTimestamp": None,
    }

    assert problems(OBJECT) == []
    assert problems({**OBJECT, "metadata": metadata, "spec": {"any": "thing"}}) == []


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        ({"kind": "X"}, "one.apiVersion", "Required value: must not be empty"),
        ({"apiVersion": "v1"}, "one.kind", "Required value: must not be empty"),
        ({**OBJECT, "kind": ""}, "one.kind", 'Invalid value: "": must not be empty'),
        ({**OBJECT, "kind": 5}, "one.kind", "Invalid value: 5: must be a string"),
        (
            {**OBJECT, "apiVersion": "a/b/c"},
            "one.apiVersion",
            'Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
        ),
        (
            {**OBJECT, "metadata": {"name": "a/b"}},
            "one.metadata.name",
            "Invalid value: \"a/b\": may not contain '/'",
        ),
        (
            {**OBJECT, "metadata": {"labels": {"a": 5}}},
            "one.metadata",
            'Invalid value: {"labels":{"a":5}}: labels.a in metadata must be of type string: '
            '"integer"',
        ),
    ],
)
def test_each_problem_is_named(value: dict[str, Any], field: str, message: str) -> None:
    assert problems(value) == [(field, message)]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({**OBJECT, "kind": "a b"}, "one.kind"),
        ({**OBJECT, "metadata": {"namespace": "A"}}, "one.metadata.namespace"),
        ({**OBJECT, "metadata": {"labels": {"a b": "c"}}}, "one.metadata.labels"),
        ({**OBJECT, "metadata": {"annotations": {"a b": "c"}}}, "one.metadata.annotations"),
        ({**OBJECT, "metadata": {"finalizers": ["ok", "a b"]}}, "one.metadata.finalizers[1]"),
    ],
)
def test_names_follow_their_grammar(value: dict[str, Any], field: str) -> None:
    assert [found for found, _ in problems(value)] == [field]


def test_a_kind_may_have_mixed_case() -> None:
    ((_, message),) = problems({**OBJECT, "kind": "a b"})

    assert message.startswith(
        'Invalid value: "a b": may have mixed case, but should otherwise match: a DNS-1035 label'
    )


def test_embedded_objects_are_found_everywhere() -> None:
    value = {"list": [OBJECT, {}], "map": {"k": {"kind": "X"}}, "other": {}}

    assert [error.field for error in embedded.validate(SCHEMA, value)] == [
        "list[1].apiVersion",
        "list[1].kind",
        "map[k].apiVersion",
    ]
    assert list(embedded.validate(structural.from_crd({"type": "object"}), {"a": 1})) == []
    assert list(embedded.validate(SCHEMA, {"one": "text"})) == []
