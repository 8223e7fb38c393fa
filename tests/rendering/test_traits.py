"""What a trait does to manifests."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import traits
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.targets import RenderedResource
from choreo_local.rendering.template import Scope

SCOPE = Scope({"parameters": {"names": ["a", "b"]}})


def deployment() -> RenderedResource:
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    return RenderedResource(manifest)


def applied(*, resources: list[RenderedResource] | None = None, **spec: Any) -> list[Any]:
    trait = {"metadata": {"name": "t"}, "spec": traits.with_default_planes(spec)}
    found = traits.apply(trait, SCOPE, resources or [deployment()])
    return [resource.manifest for resource in found]


def test_trait_creates_then_patches_then_removes() -> None:
    found = applied(
        creates=[{"template": {"kind": "Extra", "metadata": {"name": "e"}}}],
        patches=[
            {
                "target": {"kind": "Extra"},
                "operations": [{"op": "add", "path": "/seen", "value": "${oc_hash('x')}"}],
            }
        ],
        removes=[{"target": {"kind": "Deployment"}}],
    )

    assert found == [{"kind": "Extra", "metadata": {"name": "e"}, "seen": "fd0c5087"}]


def test_patch_without_a_target_renders_nothing() -> None:
    broken = [{"op": "add", "path": "/x", "value": "${parameters.nope}"}]

    assert len(applied(patches=[{"target": {"kind": "None"}, "operations": broken}])) == 1


def test_patch_whose_where_lets_nothing_through_still_shows_its_errors() -> None:
    broken = [{"op": "add", "path": "/x", "value": "${parameters.nope}"}]
    entry = {"target": {"kind": "Deployment", "where": "${false}"}, "operations": broken}

    with pytest.raises(RenderError, match="failed to render value for trait t patch #0"):
        applied(patches=[entry])


def test_patch_loops_and_sees_what_it_did_before() -> None:
    found = applied(
        patches=[
            {
                "forEach": "${parameters.names}",
                "var": "name",
                "target": {"kind": "Deployment"},
                "operations": [{"op": "add", "path": "/metadata/labels/${name}", "value": "1"}],
            }
        ]
    )

    assert found[0]["metadata"]["labels"] == {"a": "1", "b": "1"}


def test_failing_patch_names_manifest_trait_and_operation() -> None:
    entry = {
        "target": {"kind": "Deployment"},
        "operations": [{"op": "replace", "path": "/nope", "value": 1}],
    }

    with pytest.raises(RenderError) as failure:
        applied(patches=[entry])

    for part in ("trait patch #0", "trait t", "Deployment/web", "operation #0", '"nope"'):
        assert part in failure.value.message


def test_removes_are_collected_before_anything_goes() -> None:
    first, second = deployment(), deployment()
    second.manifest["metadata"]["name"] = "api"

    found = applied(
        resources=[first, second],
        removes=[
            {"target": {"kind": "Deployment", "where": "${resource.metadata.name == 'web'}"}},
            {"target": {"kind": "Deployment", "where": "${resource.metadata.name == 'api'}"}},
        ],
    )

    assert found == []


def test_create_must_be_an_object() -> None:
    with pytest.raises(RenderError, match="must render to object, got string"):
        applied(creates=[{"template": "${'text'}"}])


REMOVAL = {"kind": "Deployment"}


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"creates": [{"includeWhen": "${parameters.no}"}]},
            "failed to evaluate includeWhen for trait t create #0: CEL evaluation error",
        ),
        (
            {"creates": [{"forEach": "${1}"}]},
            "failed to evaluate forEach for trait t create #0: forEach must evaluate to array",
        ),
        (
            {"patches": [{"target": REMOVAL, "operations": [{"op": "add", "path": "${1}"}]}]},
            "path '${1}' must evaluate to string for trait t patch #0 operation #0, got int64",
        ),
        (
            {"patches": [{"target": REMOVAL, "operations": [{"op": "add", "path": "${no}"}]}]},
            "failed to render path '${no}' for trait t patch #0 operation #0: CEL compilation",
        ),
        (
            {"removes": [{"target": REMOVAL, "forEach": "${1}"}]},
            "invalid forEach result for trait t remove #0: forEach must evaluate to array",
        ),
        (
            {"removes": [{"target": REMOVAL, "forEach": "${parameters.no}"}]},
            "failed to evaluate forEach for trait t remove #0: CEL evaluation error",
        ),
        (
            {"removes": [{"target": {**REMOVAL, "where": "${1}"}}]},
            "where clause '${1}' must evaluate to boolean for trait t remove #0, got int64",
        ),
        (
            {"removes": [{"target": {**REMOVAL, "where": "${resource.no}"}}]},
            "failed to evaluate where clause '${resource.no}' for trait t remove #0: CEL",
        ),
    ],
)
def test_failure_names_the_step_of_the_trait(spec: dict[str, Any], text: str) -> None:
    with pytest.raises(RenderError) as failure:
        applied(**spec)

    assert text in failure.value.message


def test_create_that_does_not_apply_is_left_out() -> None:
    assert len(applied(creates=[{"includeWhen": "${false}", "template": {"kind": "X"}}])) == 1


def test_removing_operation_needs_no_value() -> None:
    operations = [{"op": "remove", "path": "/metadata/name", "value": "${no}"}]

    assert applied(patches=[{"target": REMOVAL, "operations": operations}])[0]["metadata"] == {}
