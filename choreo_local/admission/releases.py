"""What is refused of new ComponentReleases and ResourceReleases; pure.

Parameters are held against the schema without its defaults, as upstream does: a required one has
to be given even where rendering would fill it in.

Public: `component_problems(…)`, `resource_problems(…)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.rendering import schema

from . import componenttypes, reading, references, resourcetypes, schemas, traits

Spec = Mapping[str, Any]
Traits = Mapping[str, Any]


def component_problems(spec: Spec, path: str) -> Iterator[FieldError]:
    """Everything that is wrong with a new ComponentRelease."""
    known: dict[str, Any] = {}
    for below, trait in reading.entries(spec.get("traits"), f"{path}.traits"):
        key = references.trait_key(trait)
        if key in known:
            yield fielderrors.duplicate(below, key)
        known[key] = trait.get("spec")
    profile_path, profile = f"{path}.componentProfile", reading.member(spec, "componentProfile")
    yield from _instances(profile, profile_path, known)
    type_ = reading.member(spec, "componentType", "spec")
    section = reading.member(type_, "parameters")
    given = reading.member(profile, "parameters")
    yield from _parameters(section, given, f"{profile_path}.parameters", owner="ComponentType")
    yield from _instance_parameters(profile, profile_path, known)
    yield from _type(type_, f"{path}.componentType.spec")
    for below, trait in reading.entries(spec.get("traits"), f"{path}.traits"):
        yield from _trait(trait.get("spec"), f"{below}.spec")
    if not reading.member(spec, "workload", "container", "image"):
        image = f"{path}.workload.container.image"
        yield fielderrors.required(image, "workload container must have an image")


def resource_problems(spec: Spec, path: str) -> Iterator[FieldError]:
    """Everything that is wrong with a new ResourceRelease."""
    type_ = reading.member(spec, "resourceType", "spec")
    section = reading.member(type_, "parameters")
    given = spec.get("parameters")
    yield from _parameters(section, given, f"{path}.parameters", owner="ResourceType")
    yield from resourcetypes.problems(_members(type_), f"{path}.resourceType.spec")


def _instances(profile: Any, path: str, known: Traits) -> Iterator[FieldError]:
    listed = reading.member(profile, "traits")
    yield from references.unique_instances(listed, f"{path}.traits")
    for below, trait in reading.entries(listed, f"{path}.traits"):
        kind, _, name = references.trait_key(trait).partition(":")
        if f"{kind}:{name}" not in known:
            detail = (
                f"trait '{name}' (kind {kind}) referenced in componentProfile but not found in"
                " traits snapshot"
            )
            yield fielderrors.invalid_value(f"{below}.name", name, detail)


def _instance_parameters(profile: Any, path: str, known: Traits) -> Iterator[FieldError]:
    for below, trait in reading.entries(reading.member(profile, "traits"), f"{path}.traits"):
        snapshot = known.get(references.trait_key(trait))
        yield from _parameters(
            reading.member(snapshot, "parameters"),
            trait.get("parameters"),
            f"{below}.parameters",
            owner=f"Trait {fielderrors.quote(reading.text(trait.get('name')))}",
        )


def _parameters(section: Any, given: Any, path: str, *, owner: str) -> Iterator[FieldError]:
    if reading.member(section, "openAPIV3Schema") is None:
        return
    fault = schemas.fault(section)
    if fault:
        detail = f"{owner} snapshot has invalid schema definition: {fault}"
        yield fielderrors.invalid_value(path, fielderrors.OMITTED, detail)
        return
    problems = schema.problems(section, {} if given is None else given)
    if problems:
        detail = f"parameters do not match {owner} schema: {problems}"
        yield fielderrors.invalid_value(path, fielderrors.OMITTED, detail)


def _type(spec: Any, path: str) -> Iterator[FieldError]:
    spec = _members(spec)
    yield from componenttypes.workloads(spec, path)
    sections = schemas.read(spec, path, strict=False)
    yield from sections.problems
    yield from componenttypes.bodies(spec, path, sections)


def _trait(spec: Any, path: str) -> Iterator[FieldError]:
    spec = _members(spec)
    yield from traits.heads(spec, path)
    sections = schemas.read(spec, path, strict=False)
    yield from sections.problems
    yield from traits.bodies(spec, path, sections)


def _members(value: Any) -> Spec:
    return value if isinstance(value, Mapping) else {}
