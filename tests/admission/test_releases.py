"""Releases hold what can be rendered later, whatever becomes of their types."""

from __future__ import annotations

from typing import Any

from tests.admission.objects import (
    complaints,
    component_type,
    data,
    fields,
    messages,
    release,
    schema,
    template,
)

SIZED = schema(size="string")
SIZED["openAPIV3Schema"]["required"] = ["size"]
TRAIT = {"kind": "Trait", "name": "storage", "spec": {"parameters": SIZED}}
INSTANCE = {"kind": "Trait", "name": "storage", "instanceName": "a", "parameters": {"size": "1"}}


def test_a_sound_release_is_accepted() -> None:
    profile = {"parameters": {"size": "1"}, "traits": [INSTANCE]}
    spec = release(component_type(parameters=SIZED), componentProfile=profile, traits=[TRAIT])
    assert complaints("ComponentRelease", spec) == []


def test_releases_are_judged_once() -> None:
    assert complaints("ComponentRelease", {}, "UPDATE") == []
    assert complaints("ResourceRelease", {}, "UPDATE") == []


def test_snapshots_of_traits_are_unique() -> None:
    spec = release(traits=[TRAIT, {**TRAIT, "kind": "ClusterTrait"}, TRAIT])
    assert complaints("ComponentRelease", spec) == [
        ("spec.traits[2]", 'Duplicate value: "Trait:storage"')
    ]


def test_traits_of_the_profile_are_unique_and_in_the_snapshot() -> None:
    profile = {"traits": [INSTANCE, INSTANCE, {"kind": "Trait", "name": "b", "instanceName": "b"}]}
    spec = release(componentProfile=profile, traits=[TRAIT])
    assert complaints("ComponentRelease", spec) == [
        ("spec.componentProfile.traits[1].instanceName", 'Duplicate value: "a"'),
        (
            "spec.componentProfile.traits[2].name",
            "Invalid value: \"b\": trait 'b' (kind Trait) referenced in componentProfile but not"
            " found in traits snapshot",
        ),
    ]


def test_parameters_fit_their_schemas() -> None:
    instance = {**INSTANCE, "parameters": {"size": 1}}
    type_ = component_type(parameters=SIZED)
    spec = release(type_, componentProfile={"traits": [instance]}, traits=[TRAIT])
    assert complaints("ComponentRelease", spec) == [
        (
            "spec.componentProfile.parameters",
            "Invalid value: parameters do not match ComponentType schema: .size is required",
        ),
        (
            "spec.componentProfile.traits[0].parameters",
            'Invalid value: parameters do not match Trait "storage" schema: size must be of type'
            ' string: "integer"',
        ),
    ]


def test_defaults_do_not_stand_in_for_required_parameters() -> None:
    section = schema(size={"type": "string", "default": "1"})
    section["openAPIV3Schema"]["required"] = ["size"]
    [message] = messages("ComponentRelease", release(component_type(parameters=section)))
    assert message.endswith(".size is required")


def test_a_broken_schema_is_said_to_be_broken() -> None:
    broken = schema(size={"$ref": "#/nowhere"})
    found = messages("ComponentRelease", release(component_type(parameters=broken)))
    assert found[0].startswith(
        "Invalid value: ComponentType snapshot has invalid schema definition: failed to resolve"
    )
    assert found[1].startswith("Invalid value: failed to parse parameters schema: failed to resol")


def test_unknown_keywords_of_schemas_are_passed_over() -> None:
    spec = release(component_type(parameters=schema(size={"type": "string", "const": "x"})))
    assert complaints("ComponentRelease", spec) == []


def test_snapshots_are_checked_like_what_they_are_of() -> None:
    type_ = component_type({"template": data("${nope}")}, validations=[{"rule": "x"}])
    trait = {"kind": "Trait", "name": "t", "spec": {"creates": [{"template": template("Job")}]}}
    spec = release(type_, traits=[trait], workload={"container": {}})
    assert fields("ComponentRelease", spec) == [
        "spec.componentType.spec.resources[1].template[data][a]",
        "spec.componentType.spec.validations[0].rule",
        "spec.traits[0].spec.creates[0].template.kind",
        "spec.workload.container.image",
    ]


def resource_release(parameters: Any = None, **type_: Any) -> dict[str, Any]:
    resources = [{"id": "claim", "template": data("${parameters.size}")}]
    spec = {"parameters": SIZED, "resources": resources, **type_}
    return {"parameters": parameters, "resourceType": {"spec": spec}}


def test_resource_releases_are_held_to_their_types() -> None:
    assert complaints("ResourceRelease", resource_release({"size": "1"})) == []
    assert complaints("ResourceRelease", resource_release(outputs=[{"value": "${nope}"}])) == [
        (
            "spec.parameters",
            "Invalid value: parameters do not match ResourceType schema: .size is required",
        ),
        (
            "spec.resourceType.spec.outputs[0].value",
            'Invalid value: "${nope}": invalid CEL expression "nope": type check: ERROR:'
            " <input>:1:1: undeclared reference to 'nope' (in container '')\n | nope\n | ^",
        ),
    ]
