"""What a component is rendered from, and how a release with its binding becomes that; pure.

Used by `component`, under which callers find it.

Public: `ComponentInputs`, `inputs_of_release(release, …)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import context
from .errors import RenderError

Manifest = Mapping[str, Any]

_REQUIRED_METADATA = (
    *("name", "namespace", "componentName", "componentUID", "componentNamespace"),
    *("projectName", "projectUID", "environmentName", "environmentUID"),
    *("dataPlaneName", "dataPlaneUID", "podSelectors"),
)


@dataclass(frozen=True, slots=True)
class ComponentInputs:
    """Everything a component is rendered from, as stored in the cluster.

    Attributes:
        component_type: its name as in the release, e.g. `deployment/service`, and its spec.
        component: its name, parameters and traits.
        workload: the Workload, before overrides.
        metadata: the variable `metadata`; see `context.component_metadata`.
        traits: all that the type embeds and the component adds, with kind.
        release_binding: environment configurations and workload overrides; None has neither.
        secret_references: by name.
        dependency_items: see `dependencies.connection_items`.
        resource_dependency_items: see `dependencies.resource_item`.
        default_notification_channel: the environment's, or "".
    """

    component_type: Manifest
    component: Manifest
    workload: Manifest
    environment: Manifest
    data_plane: Manifest
    metadata: Manifest
    traits: Sequence[Manifest] = ()
    release_binding: Manifest | None = None
    secret_references: Mapping[str, Manifest] = field(default_factory=dict)
    dependency_items: Sequence[Manifest] = ()
    resource_dependency_items: Sequence[Manifest] = ()
    default_notification_channel: str = ""

    def check(self) -> None:
        """Refuse what no component could be rendered from.

        Raises:
            RenderError: metadata is incomplete, or the type has no resources at all.
        """
        context.require(self.metadata, _REQUIRED_METADATA)
        if (self.component_type.get("spec") or {}).get("resources") is None:
            raise RenderError("component type has no resources")

    @property
    def binding_spec(self) -> Manifest:
        """The binding's spec, empty when there is no binding."""
        spec: Manifest = (self.release_binding or {}).get("spec") or {}
        return spec


def inputs_of_release(
    component_release: Manifest,
    *,
    binding: Manifest,
    component: Manifest,
    project: Manifest,
    environment: Manifest,
    data_plane: Manifest,
    secret_references: Mapping[str, Manifest] | None = None,
    dependency_items: Sequence[Manifest] = (),
    resource_dependency_items: Sequence[Manifest] = (),
    default_notification_channel: str = "",
) -> ComponentInputs:
    """The inputs that a ReleaseBinding deploys: a snapshot, and live objects around it."""
    spec = component_release["spec"]
    component_type = spec["componentType"]
    profile = spec.get("componentProfile") or {}
    return ComponentInputs(
        component_type={
            "metadata": {"name": component_type["name"]},
            "spec": component_type["spec"],
        },
        component={"metadata": {"name": spec["owner"]["componentName"]}, "spec": profile},
        workload={"spec": spec["workload"]},
        traits=[
            {"kind": trait["kind"], "metadata": {"name": trait["name"]}, "spec": trait["spec"]}
            for trait in spec.get("traits") or ()
        ],
        environment=environment,
        data_plane=data_plane,
        release_binding=binding,
        metadata=context.component_metadata(
            component, project=project, environment=environment, data_plane=data_plane
        ),
        secret_references=secret_references or {},
        dependency_items=dependency_items,
        resource_dependency_items=resource_dependency_items,
        default_notification_channel=default_notification_channel,
    )
