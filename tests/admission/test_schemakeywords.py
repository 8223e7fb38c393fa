"""Unknown keywords and misused ones are found where upstream's decoders find them."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.admission import schemakeywords


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "object", "x-foo": 1, "description": "d"}, ""),
        ({"types": 1}, "types"),
        ({"x-kubernetes-foo": 1}, "x-kubernetes-foo"),
        ({"zz": 1, "properties": {"b": {"later": 1}, "a": {"sooner": 1}}}, "sooner"),
        ({"properties": {"const": {"type": "string"}}}, ""),
        ({"allOf": [{}, {"const": 1}]}, "const"),
        ({"not": {"if": {}}}, "if"),
        # Upstream's decoder is not strict below these two.
        ({"items": {"const": 1}}, ""),
        ({"additionalProperties": {"const": 1}}, ""),
        ({"default": {"const": 1}, "enum": [{"const": 1}]}, ""),
        ("x", ""),
        ({"properties": 5, "allOf": 5, "not": 5}, ""),
    ],
)
def test_the_first_unknown_keyword_is_named(schema: Any, keyword: str) -> None:
    assert schemakeywords.unknown(schema) == keyword


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"x-kubernetes-list-type": "map", "x-kubernetes-validations": [{}]}, ""),
        ({"x-kubernetes-list-type": None}, ""),
        ({"x-kubernetes-list-type": 1}, "number into Go struct field"),
        ({"x-kubernetes-int-or-string": "x"}, "x-kubernetes-int-or-string of type bool"),
        ({"x-kubernetes-list-map-keys": ["a", True]}, "bool into Go struct field"),
        ({"x-kubernetes-validations": ["x"]}, "of type v1.ValidationRule"),
        ({"x-kubernetes-validations": {}}, "cannot unmarshal object"),
        ({"x-kubernetes-patch-strategy": 5}, "x-kubernetes-patch-strategy of type string"),
        ({"items": {"x-kubernetes-map-type": []}}, "JSONSchemaProps.items.x-kubernetes-map-type"),
        ("x", ""),
    ],
)
def test_the_first_misused_extension_is_named(schema: Any, problem: str) -> None:
    found = schemakeywords.misused(schema)
    assert problem in found
    assert bool(found) is bool(problem)
