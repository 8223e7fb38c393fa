"""Sections give types for expressions, or complaints."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.admission import schemas
from choreo_local.admission.schemas import Sections
from choreo_local.cel import types
from choreo_local.cel.types import ObjectType, Type
from tests.admission.objects import schema


def read(section: Any, **options: bool) -> Sections:
    return schemas.read({"parameters": section}, "spec", **options)


def field(sections: Sections, name: str) -> Type | None:
    assert isinstance(sections.parameters, ObjectType)
    found = sections.parameters.fields.get(name)
    return found.type if found else None


def details(sections: Sections) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in sections.problems]


@pytest.mark.parametrize("section", [None, {}, {"openAPIV3Schema": {}}, {"openAPIV3Schema": 5}, 7])
def test_without_a_schema_there_are_no_parameters(section: Any) -> None:
    sections = read(section)
    assert isinstance(sections.parameters, ObjectType)
    assert sections.parameters.fields == {}
    assert sections.problems == ()


@pytest.mark.parametrize(
    ("written", "type_"),
    [
        ("string", types.STRING),
        ("integer", types.INT),
        ("number", types.DOUBLE),
        ("boolean", types.BOOL),
        ({"type": "string", "format": "date-time"}, types.TIMESTAMP),
        ({"type": "array", "items": {"type": "string"}}, types.list_of(types.STRING)),
        (
            {"type": "object", "additionalProperties": {"type": "integer"}},
            types.map_of(types.STRING, types.INT),
        ),
        ({"x-kubernetes-int-or-string": True}, types.DYN),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, types.DYN),
        ({}, None),
        ({"type": "array"}, None),
        ({"type": "bogus"}, None),
        ({"type": "object", "additionalProperties": {}}, None),
    ],
)
def test_a_property_has_the_type_of_its_schema(written: Any, type_: Type | None) -> None:
    assert field(read(schema(p=written)), "p") == type_


def test_objects_are_named_after_where_they_stand() -> None:
    inner = {"type": "object", "properties": {"x": {"type": "integer"}}}
    sections = read(
        schema(a=inner, b={"type": "array", "items": inner}, c={"additionalProperties": inner})
    )
    assert str(field(sections, "a")) == "Parameters.a"
    assert str(field(sections, "b")) == "list(Parameters.b.@idx)"


def test_alternatives_without_a_type_are_unusable_where_upstream_has_them_so() -> None:
    written = schema(p={"oneOf": [{"type": "string"}]})
    assert field(read(written, loose_unions=False), "p") is None
    assert field(read(written), "p") == types.DYN


def test_properties_are_reached_by_their_name_and_as_kubernetes_escapes_it() -> None:
    sections = read(schema(**{"a-b": "string", "namespace": "integer"}))
    assert field(sections, "a-b") == field(sections, "a__dash__b") == types.STRING
    assert field(sections, "namespace") == field(sections, "__namespace__") == types.INT


def test_embedded_resources_have_what_every_resource_has() -> None:
    sections = read(schema(p={"type": "object", "x-kubernetes-embedded-resource": True}))
    embedded = field(sections, "p")
    assert isinstance(embedded, ObjectType)
    assert set(embedded.fields) == {"apiVersion", "kind", "metadata"}


def test_references_are_followed() -> None:
    section = schema(p={"$ref": "#/$defs/Size"})
    section["openAPIV3Schema"]["$defs"] = {"Size": {"type": "integer"}}
    assert field(read(section), "p") == types.INT


def test_a_schema_that_is_none_is_refused_and_gives_no_parameters() -> None:
    section = schema(p={"$ref": "#/$defs/A"})
    section["openAPIV3Schema"]["$defs"] = {"A": {"$ref": "#/$defs/A"}}
    sections = read(section)
    assert details(sections) == [
        (
            "spec.parameters",
            "Invalid value: failed to parse parameters schema: failed to resolve $ref:"
            " circular $ref: A → A",
        )
    ]
    assert field(sections, "p") is None


def test_what_cannot_be_decoded_is_said_by_both_decoders() -> None:
    sections = read({"openAPIV3Schema": {"type": "object", "properties": "x"}})
    why = (
        "json: cannot unmarshal string into Go struct field JSONSchemaProps.properties of type"
        " map[string]v1.JSONSchemaProps"
    )
    assert [message for _, message in details(sections)] == [
        f"Invalid value: failed to parse parameters schema: {schemas._UNDECODABLE}{why}",
        f"Invalid value: openAPIV3Schema contains unknown or invalid fields: {why}",
    ]


def test_extensions_of_kubernetes_have_types_as_well() -> None:
    sections = read(schema(p={"type": "string", "x-kubernetes-list-map-keys": 5}), strict=False)
    assert details(sections) == [
        (
            "spec.parameters",
            f"Invalid value: failed to parse parameters schema: {schemas._UNDECODABLE}json: cannot"
            " unmarshal number into Go struct field"
            " JSONSchemaProps.properties.x-kubernetes-list-map-keys of type []string",
        )
    ]


def test_unknown_keywords_are_refused_but_in_releases() -> None:
    section = schema(p={"types": "string"})
    assert details(read(section)) == [
        (
            "spec.parameters",
            "Invalid value: openAPIV3Schema contains unknown or invalid fields:"
            ' json: unknown field "types"',
        )
    ]
    assert read(section, strict=False).problems == ()


def test_all_schemas_are_parsed_before_any_is_held_to_the_strict_decoder() -> None:
    unsupported = {"openAPIV3Schema": {"type": "object", "id": "x", "foo": 1}}
    owner = {"parameters": unsupported, "environmentConfigs": unsupported}
    found = [problem.field for problem in schemas.read(owner, "spec").problems]
    assert found == ["spec.parameters", "spec.environmentConfigs"] * 2


def test_long_schemas_are_read_too() -> None:
    properties = {f"p{number}": {"type": "string"} for number in range(5000)}
    assert field(read(schema(**properties)), "p4999") == types.STRING


def test_what_is_no_json_is_refused() -> None:
    [problem] = read({"openAPIV3Schema": {"type": "\ud800"}}).problems
    assert "schema cannot be read" in problem.message


def test_a_section_without_fault_can_be_used() -> None:
    assert schemas.fault(schema(p="string")) == ""
    assert "unsupported $ref" in schemas.fault(schema(p={"$ref": "#/a/b"}))
