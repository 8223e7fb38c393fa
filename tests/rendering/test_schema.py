"""Parameter sections: defaults, problems, extensions."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import schema
from choreo_local.rendering.errors import RenderError, SchemaError


def section(**properties: Any) -> dict[str, Any]:
    return {"openAPIV3Schema": {"type": "object", "properties": properties}}


def test_values_pass_through_where_there_is_no_schema() -> None:
    assert schema.defaulted(None, {"a": 1}) == {"a": 1.0}
    assert schema.defaulted({}, None) == {}
    assert schema.problems(None, {"a": 1}) == ""


def test_given_numbers_are_doubles_and_defaults_keep_their_kind() -> None:
    found = schema.defaulted(
        section(a={"type": "integer", "default": 1}, b={"type": "integer"}), {"b": 2}
    )

    assert (type(found["a"]), type(found["b"])) == (int, float)


def test_missing_object_without_a_default_is_not_made() -> None:
    inner = {"type": "object", "properties": {"cpu": {"type": "string", "default": "1"}}}

    assert schema.defaulted(section(r=inner), {}) == {}
    assert schema.defaulted(section(r={**inner, "default": {}}), {}) == {"r": {"cpu": "1"}}


def test_problems_are_named_after_the_section() -> None:
    with pytest.raises(RenderError) as failure:
        schema.check(section(a={"type": "integer", "minimum": 5}), {"a": 1.0}, "parameters")

    message = "parameters validation failed: a should be greater than or equal to 5"
    assert failure.value.message == message


def test_broken_schema_is_refused_before_use() -> None:
    with pytest.raises(SchemaError, match="cannot unmarshal string into Go struct field"):
        schema.defaulted(section(a="nope"), {})


def test_vendor_extensions_do_not_reach_defaulting() -> None:
    marked = {"type": "string", "default": "d", "x-openchoreo-thing": True}

    assert schema.defaulted(section(a=marked), {}) == {"a": "d"}
    assert schema.resolved(section(a=marked))["properties"]["a"]["x-openchoreo-thing"] is True


def test_repository_parameters_are_found_by_their_marks() -> None:
    mark = "x-openchoreo-component-parameter-repository-"
    revision = {"type": "object", "properties": {"branch": {f"{mark}branch": True}}}
    repository = {
        "type": "object",
        "properties": {"url": {f"{mark}url": True}, "revision": revision},
    }

    found = schema.repository_parameters(section(repository=repository))

    assert found == {"url": "repository.url", "branch": "repository.revision.branch"}


def test_role_that_two_parameters_claim_is_an_error() -> None:
    mark = {"x-openchoreo-component-parameter-repository-url": True}

    with pytest.raises(SchemaError, match="a and b both claim repository url"):
        schema.repository_parameters(section(a=mark, b=mark))


def test_absent_schema_is_shown_as_an_empty_object() -> None:
    assert schema.resolved(None) == {"type": "object", "properties": {}}


def test_unresolvable_reference_is_told_from_other_faults() -> None:
    with pytest.raises(SchemaError, match="failed to resolve \\$ref: unsupported"):
        schema.defaulted(section(a={"$ref": "#/definitions/A"}), {})


def test_missing_fields_are_reported_by_name_wherever_they_are() -> None:
    branch = {"allOf": [{"required": ["z", "a"]}]}

    found = schema.problems({"openAPIV3Schema": {"type": "object", **branch}}, {})

    assert found.index(".a is required") < found.index(".z is required")
