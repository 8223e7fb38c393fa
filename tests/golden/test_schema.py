"""Parameter schemas: resolution, defaults and problems equal the recorded ones."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import schema
from choreo_local.rendering.errors import SchemaError
from tests.golden import typed


def _section(case: dict[str, Any]) -> dict[str, Any] | None:
    return None if case["schema"] is None else {"openAPIV3Schema": case["schema"]}


@pytest.mark.parametrize("case", typed.cases("schema"))
def test_schema_resolves_as_recorded(case: dict[str, Any]) -> None:
    message = case.get("resolved_error")
    if message:
        with pytest.raises(SchemaError) as failure:
            schema.resolved(_section(case))
        assert failure.value.message == message
    else:
        assert schema.resolved(_section(case)) == case["resolved"]


@pytest.mark.parametrize("case", typed.cases("schema", lambda case: bool(case.get("bundle_error"))))
def test_broken_schema_is_refused_with_the_recorded_words(case: dict[str, Any]) -> None:
    with pytest.raises(SchemaError) as failure:
        schema.defaulted(_section(case), case["values"][0])

    assert failure.value.message == case["bundle_error"]


@pytest.mark.parametrize("case", typed.cases("schema", lambda case: not case.get("bundle_error")))
def test_values_are_defaulted_and_judged_as_recorded(case: dict[str, Any]) -> None:
    for recorded in case["values"]:
        completed = schema.defaulted(_section(case), recorded["value"])

        assert typed.encoded(completed) == typed.encoded(typed.decoded(recorded["defaultedTyped"]))
        found = schema.problems(_section(case), completed)
        # Properties are looked at in no particular order where this was recorded.
        assert sorted(found.split("; ")) == sorted((recorded.get("error") or "").split("; "))
