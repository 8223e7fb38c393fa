"""Immutable snapshots of what a binding deploys, and the ids of what it renders; pure.

A release's name ends in a hash of its content, so that an unchanged input always names the same
release. Used by the Component, Project and Resource controllers and by `choreo render`.

Public: `component_release(…)`, `project_release(…)`, `resource_release(…)` → `Release`,
`trait_key(trait)`, `resource_ids(manifests)`, `entries(manifests)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels

from . import hashing, names, values
from .errors import RenderError

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Release:
    """A snapshot and the hash that its name ends in."""

    hash: str
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of the release object."""
        return str(self.manifest["metadata"]["name"])


def component_release(
    component: Manifest,
    component_type: Manifest,
    *,
    workload: Manifest,
    traits: Iterable[Manifest] = (),
) -> Release:
    """Freeze a component with its type, its workload and all traits that both use.

    Args:
        component: as stored.
        component_type: a ComponentType or ClusterComponentType, with its kind.
        workload: the one Workload of the component.
        traits: at least the Traits and ClusterTraits that the type embeds and the component adds.

    Raises:
        RenderError: a trait that is used is not among `traits`.
    """
    spec = component["spec"]
    reference = spec["componentType"]
    kind = component_type.get("kind") or reference.get("kind") or "ComponentType"
    content: dict[str, Any] = {
        "componentType": _frozen_type(kind, reference["name"], component_type),
        "workload": _without(workload["spec"], "owner"),
    }
    used = _used_traits(component, component_type, traits)
    if used:
        content["traits"] = used
    profile = _profile(spec)
    if profile:
        content["componentProfile"] = profile
    owner = {
        "projectName": spec["owner"]["projectName"],
        "componentName": component["metadata"]["name"],
    }
    return _release("ComponentRelease", component["metadata"], owner=owner, content=content)


def project_release(project: Manifest, project_type: Manifest) -> Release:
    """Freeze a project with its type."""
    reference = project["spec"]["type"]
    kind = project_type.get("kind") or reference.get("kind") or "ProjectType"
    content: dict[str, Any] = {
        "projectType": _frozen_type(kind, reference["name"], project_type),
        **_given(project["spec"], "parameters"),
    }
    owner = {"projectName": project["metadata"]["name"]}
    return _release("ProjectRelease", project["metadata"], owner=owner, content=content)


def resource_release(resource: Manifest, resource_type: Manifest) -> Release:
    """Freeze an OpenChoreo Resource with its type."""
    reference = resource["spec"]["type"]
    kind = resource_type.get("kind") or reference.get("kind") or "ResourceType"
    content: dict[str, Any] = {
        "resourceType": _frozen_type(kind, reference["name"], resource_type),
        **_given(resource["spec"], "parameters"),
    }
    owner = {
        "projectName": resource["spec"]["owner"]["projectName"],
        "resourceName": resource["metadata"]["name"],
    }
    return _release("ResourceRelease", resource["metadata"], owner=owner, content=content)


def trait_key(trait: Manifest) -> tuple[str, str]:
    """Kind and name of a trait, of a reference to one, or of a snapshot of one."""
    name = trait.get("name") or trait.get("metadata", {}).get("name", "")
    return trait.get("kind") or "Trait", str(name)


def resource_ids(manifests: Sequence[Manifest]) -> list[str]:
    """The ids that manifests of a component get in their RenderedRelease."""
    return [
        names.manifest_id(
            str(manifest.get("kind") or ""),
            str(values.members(manifest.get("metadata")).get("name") or ""),
            index,
        )
        for index, manifest in enumerate(manifests)
    ]


def entries(manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    """`spec.resources` of the RenderedRelease of a component."""
    return [
        {"id": identity, "object": manifest}
        for identity, manifest in zip(resource_ids(manifests), manifests, strict=True)
    ]


def _used_traits(
    component: Manifest, component_type: Manifest, traits: Iterable[Manifest]
) -> list[dict[str, Any]]:
    loaded = {trait_key(trait): trait for trait in traits}
    wanted: dict[tuple[str, str], None] = {}
    for where, owner in (("embedded", component_type), ("component", component)):
        for reference in owner["spec"].get("traits") or ():
            key = trait_key(reference)
            if key not in loaded:
                raise RenderError(f'{where} trait "{key[1]}" is missing')
            wanted[key] = None
    return [
        {"kind": kind, "name": name, "spec": loaded[kind, name]["spec"]}
        for kind, name in sorted(wanted)
    ]


def _profile(spec: Manifest) -> dict[str, Any]:
    profile = _given(spec, "parameters")
    traits = [
        {"kind": trait_key(trait)[0], **_without(trait, "kind")}
        for trait in spec.get("traits") or ()
    ]
    return profile | ({"traits": traits} if traits else {})


def _frozen_type(kind: str, name: str, obj: Manifest) -> dict[str, Any]:
    return {"kind": kind, "name": name, "spec": obj["spec"]}


def _given(spec: Manifest, field: str) -> dict[str, Any]:
    return {} if spec.get(field) is None else {field: spec[field]}


def _without(spec: Manifest, field: str) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != field}


def _release(
    kind: str, metadata: Manifest, *, owner: dict[str, str], content: dict[str, Any]
) -> Release:
    # The owner stays out of the hash: it is in the name already.
    digest = hashing.canonical(content)
    manifest = {
        "apiVersion": labels.API_VERSION,
        "kind": kind,
        "metadata": {"name": f"{metadata['name']}-{digest}", "namespace": metadata["namespace"]},
        "spec": {"owner": owner, **content},
    }
    return Release(digest, manifest)
