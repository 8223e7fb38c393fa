"""Component type + traits + workload + environment → the manifests of a component; pure.

Used by the ReleaseBinding controller, by services that show what a deploy would change, and by
`choreo render`.

Public: `ComponentInputs`, `inputs_of_release(release, …)`, `render(inputs)` → `Rendered`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import controlflow, finishing, instances, targets, traits, validations, values, variables
from .errors import prefixed
from .functions import Dialect
from .inputs import ComponentInputs as ComponentInputs
from .inputs import inputs_of_release as inputs_of_release
from .instances import TraitInstance
from .targets import RenderedResource
from .template import Scope
from .validations import PostRender

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rendered:
    """The manifests of a component, in the order in which they are applied.

    Attributes:
        resources: with the plane of each.
        base_resource_count: how many came from the component type.
        trait_count: how many trait instances took part.
    """

    resources: tuple[RenderedResource, ...]
    base_resource_count: int
    trait_count: int

    def on(self, plane: str) -> list[dict[str, Any]]:
        """The manifests for one plane."""
        return [found.manifest for found in self.resources if found.target_plane == plane]


def render(inputs: ComponentInputs) -> Rendered:
    """Render a component.

    Raises:
        RenderError: the message says which part failed, and why.
    """
    inputs.check()
    spec = inputs.component_type["spec"]
    shared = variables.shared(inputs)
    scope = _component_scope(inputs, shared)
    with prefixed("component type validation failed"):
        validations.check_before(scope, validations.rules_before(spec))
    with prefixed("failed to render base resources"):
        resources = [found for entry in spec["resources"] for found in _resources(entry, scope)]
    base_count, trait_count = len(resources), 0
    pending = [_type_validations(inputs, scope)]
    for instance in instances.iter_instances(inputs, scope):
        trait_count += 1
        resources = _apply(instance, shared, resources, pending)
    with prefixed("post-render validation failed"):
        validations.check_after(pending, resources)
    finished = finishing.finish(
        resources,
        labels=inputs.metadata.get("labels") or {},
        workload_type=str(spec.get("workloadType") or ""),
    )
    return Rendered(tuple(finished), base_count, trait_count)


def _component_scope(inputs: ComponentInputs, shared: Mapping[str, Any]) -> Scope:
    with prefixed("failed to build component context"):
        own = variables.parameters(
            inputs.component_type["spec"],
            (inputs.component.get("spec") or {}).get("parameters"),
            inputs.binding_spec.get("componentTypeEnvironmentConfigs"),
        )
    return Scope({**shared, **own}, Dialect.COMPONENT)


def _type_validations(inputs: ComponentInputs, scope: Scope) -> PostRender:
    name = inputs.component_type.get("metadata", {}).get("name", "")
    found = inputs.component_type["spec"].get("postRenderValidations") or ()
    return PostRender(f"ComponentType {name}", scope, found)


def _resources(entry: Manifest, scope: Scope) -> Iterator[RenderedResource]:
    """What one resource of the type renders to."""
    subject = f"resource {entry.get('id', '')}"
    with prefixed(f"failed to evaluate includeWhen for {subject}"):
        if not controlflow.included(scope, entry.get("includeWhen")):
            return
    with prefixed(f"failed to evaluate forEach for {subject}"):
        passes = list(controlflow.iterations(scope, entry))
    template = values.as_context(entry.get("template"))
    for bound in passes:
        with prefixed(f"failed to render template for {subject}"):
            manifest = bound.render_object(template)
        finishing.check_identity(manifest, subject)
        yield RenderedResource(manifest, str(entry.get("targetPlane") or targets.DATA_PLANE))


def _apply(
    instance: TraitInstance,
    shared: Mapping[str, Any],
    resources: list[RenderedResource],
    pending: list[PostRender],
) -> list[RenderedResource]:
    """The resources after a trait instance; its post-render rules wait for all the others."""
    spec = traits.with_default_planes(instance.trait.get("spec") or {})
    with prefixed(f"failed to build trait context for {instance.title}"):
        own = variables.parameters(spec, instance.parameters, instance.environment_configs)
    identity = {"name": instance.trait_name, "instanceName": instance.name}
    scope = Scope({**shared, **own, "trait": identity}, Dialect.COMPONENT)
    with prefixed(f"trait {instance.title} validation failed"):
        validations.check_before(scope, validations.rules_before(spec))
    pending.append(PostRender(instance.label, scope, spec.get("postRenderValidations") or ()))
    return traits.apply({**instance.trait, "spec": spec}, scope, resources)
