"""From a model to a structural schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import AnyValue, FreeObject, Port
from choreo_local.api.schema import (
    REQUIRED,
    Model,
    Rule,
    checked_by,
    immutable,
    list_map,
    structural_schema,
)
from choreo_local.api.values import RetainPolicy


class Inner(Model):
    """Inner   words,
    in two lines."""

    model_config = checked_by(Rule("true", "of the type"))

    some_name: str = Field(description="A name.")


class Outer(Model):
    """Outer."""

    plain: Inner
    optional: Annotated[Inner, immutable("spec.optional")] | None = Field(None, description="Own.")
    several: Annotated[list[Inner], Field(min_length=1), list_map("someName")] | None = None
    policy: RetainPolicy = RetainPolicy.DELETE
    kind: Literal["Only"] = "Only"
    forced: Annotated[bool, REQUIRED] = False
    port: Port | None = None
    free: FreeObject | None = None
    anything: AnyValue = None
    title: dict[str, str] | None = None


PROPERTIES = structural_schema(Outer)["properties"]


def test_only_what_must_be_given_is_required() -> None:
    assert structural_schema(Outer)["required"] == ["forced", "plain"]


def test_definitions_are_written_in_place_under_their_wire_names() -> None:
    assert PROPERTIES["plain"] == {
        "type": "object",
        "description": "Inner words, in two lines.",
        "properties": {"someName": {"type": "string", "description": "A name."}},
        "required": ["someName"],
        "x-kubernetes-validations": [{"rule": "true", "message": "of the type"}],
    }


def test_rules_and_words_of_the_field_go_before_those_of_its_type() -> None:
    optional = PROPERTIES["optional"]
    assert optional["description"] == "Own."
    assert [rule["message"] for rule in optional["x-kubernetes-validations"]] == [
        "spec.optional is immutable",
        "of the type",
    ]


def test_optional_is_neither_nullable_nor_defaulted() -> None:
    assert PROPERTIES["port"] == {
        "type": "integer",
        "format": "int32",
        "minimum": 1,
        "maximum": 65535,
    }


def test_lists_keep_their_keys_and_limits() -> None:
    several = PROPERTIES["several"]
    assert several["minItems"] == 1
    assert several["x-kubernetes-list-type"] == "map"
    assert several["x-kubernetes-list-map-keys"] == ["someName"]


def test_closed_sets_become_enums_with_their_default() -> None:
    assert PROPERTIES["policy"]["enum"] == ["Delete", "Retain"]
    assert PROPERTIES["policy"]["default"] == "Delete"
    assert PROPERTIES["kind"] == {"type": "string", "enum": ["Only"], "default": "Only"}


def test_free_form_values_preserve_what_they_hold() -> None:
    assert PROPERTIES["free"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    assert PROPERTIES["anything"] == {"x-kubernetes-preserve-unknown-fields": True}


def test_a_property_may_be_called_like_a_keyword() -> None:
    assert PROPERTIES["title"]["additionalProperties"] == {"type": "string"}


def test_a_model_reads_and_writes_wire_names() -> None:
    read = Inner.model_validate({"someName": "x", "unknown": 1})
    assert read.some_name == "x"
    assert read.to_dict() == {"someName": "x"}
