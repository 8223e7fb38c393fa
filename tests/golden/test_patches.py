"""Patch operations and trait effects equal the recorded ones."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import patches, pointers, traits, values
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.functions import Dialect
from choreo_local.rendering.targets import RenderedResource
from choreo_local.rendering.template import Scope
from tests.golden import differences, typed

_DIFFERENT = differences("patches")


def _removes_several(case: dict[str, Any]) -> bool:
    """Does a remove stand for more than one place? Listed as a difference, for every such case."""
    assert _DIFFERENT["several-removed"]
    return any(
        operation["op"].lower() == "remove"
        and pointers.is_selective(operation["path"])
        and len(pointers.expand(typed.decoded(case["resource"]), operation["path"])) > 1
        for operation in case["operations"]
    )


def _is_apply(case: dict[str, Any]) -> bool:
    return "operations" in case


@pytest.mark.parametrize("case", typed.cases("patches", lambda case: case.get("kind") == "expand"))
def test_path_expands_to_the_recorded_pointers(case: dict[str, Any]) -> None:
    document = values.as_context(case["resource"])
    if case["error"]:
        with pytest.raises(RenderError) as failure:
            pointers.expand(document, case["path"])
        assert failure.value.message == case["error"]
    else:
        assert pointers.expand(document, case["path"]) == case["result"]


@pytest.mark.parametrize("case", typed.cases("patches", _is_apply))
def test_operations_change_the_resource_as_recorded(case: dict[str, Any]) -> None:
    document = typed.decoded(case["resource"])
    operations = [
        patches.Operation.from_manifest(typed.decoded(operation))
        for operation in case["operations"]
    ]
    message = None
    try:
        patches.apply(document, operations)
    except RenderError as error:
        message = error.message

    if _removes_several(case):
        selective = [o for o in operations if o.op.lower() == "remove"]
        assert all(pointers.expand(document, o.path) == [] for o in selective)
        return
    assert message == case["error"]
    expected = case["result_after_error"] if "result_after_error" in case else case["result"]
    assert document == typed.decoded(expected)


@pytest.mark.parametrize("case", typed.cases("patches", lambda case: "trait" in case))
def test_trait_changes_the_resources_as_recorded(case: dict[str, Any]) -> None:
    trait = case["trait"]
    # Cases of upstream's own tests call the step alone, where planes have no default yet.
    if case.get("kind") == "trait":
        trait = {**trait, "spec": traits.with_default_planes(trait["spec"])}
    resources = [
        RenderedResource(typed.decoded(entry["resource"]), entry["targetPlane"])
        for entry in case["resources"]
    ]
    scope = Scope(typed.decoded(case["context"]), Dialect.COMPONENT)
    if case["error"]:
        with pytest.raises(RenderError) as failure:
            traits.apply(trait, scope, resources)
        assert failure.value.message == case["error"]
        return

    found = traits.apply(trait, scope, resources)

    assert [
        {"resource": values.as_manifest(entry.manifest), "targetPlane": entry.target_plane}
        for entry in found
    ] == [
        {
            "resource": values.as_manifest(typed.decoded(entry["resource"])),
            "targetPlane": entry["targetPlane"],
        }
        for entry in case["result"]
    ]
