"""A component release in an environment: everything that one ReleaseBinding puts on its planes.

The ReleaseBinding controller writes it; the plan of a promotion and `choreo render` show it. So
what a person is shown is what will be written.

Public: `render(BindingInputs) -> RenderedBinding`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.rendering import component as components
from choreo_local.rendering import endpoints, networkpolicy, release

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BindingInputs:
    """A binding and everything that it brings together.

    Attributes:
        release: the ComponentRelease that is deployed.
        component, project: the live objects, for their uids.
        secret_references: SecretReferences by name.
        connections: items of `dependencies.connection_items`.
        resources: items of `dependencies.resource_item`.
        notification_channel: the default channel of the environment, "" when there is none.
    """

    binding: Manifest
    release: Manifest
    component: Manifest
    project: Manifest
    environment: Manifest
    data_plane: Manifest
    secret_references: Mapping[str, Manifest] = field(default_factory=dict)
    connections: Sequence[Manifest] = ()
    resources: Sequence[Manifest] = ()
    notification_channel: str = ""


@dataclass(frozen=True, slots=True)
class RenderedBinding:
    """`spec.resources` for each plane, and `status.endpoints` of the binding."""

    data_plane: list[dict[str, Any]]
    observability: list[dict[str, Any]]
    endpoints: list[dict[str, Any]] | None


def render(inputs: BindingInputs) -> RenderedBinding:
    """Render a binding.

    Raises:
        RenderError: the message says which part failed, and why.
    """
    component_inputs = components.inputs_of_release(
        inputs.release,
        binding=inputs.binding,
        component=inputs.component,
        project=inputs.project,
        environment=inputs.environment,
        data_plane=inputs.data_plane,
        secret_references=inputs.secret_references,
        dependency_items=inputs.connections,
        resource_dependency_items=inputs.resources,
        default_notification_channel=inputs.notification_channel,
    )
    rendered = components.render(component_inputs)
    endpoints_of_workload = inputs.release["spec"]["workload"].get("endpoints")
    manifests = rendered.on("dataplane")
    policy = networkpolicy.build(
        networkpolicy.Target(
            component=inputs.component["metadata"]["name"],
            namespace=component_inputs.metadata["namespace"],
            control_plane_namespace=inputs.binding["metadata"]["namespace"],
            environment=inputs.environment["metadata"]["name"],
            pod_selectors=component_inputs.metadata["podSelectors"],
        ),
        endpoints_of_workload,
        provider=networkpolicy.provider_of(inputs.data_plane),
    )
    return RenderedBinding(
        data_plane=release.entries([*manifests, policy]),
        observability=release.entries(rendered.on("observabilityplane")),
        endpoints=endpoints.resolve(
            manifests,
            endpoints_of_workload,
            environment=inputs.environment,
            data_plane=inputs.data_plane,
        ),
    )
