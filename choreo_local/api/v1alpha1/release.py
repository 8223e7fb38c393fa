"""ReleaseBinding, a component's release in an environment, and RenderedRelease, its manifests."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    AnyValue,
    ComponentOwner,
    Conditions,
    ContainerConfig,
    Duration,
    FreeObject,
    Int64,
    KubernetesObject,
    NonEmpty,
    ProjectOwner,
    Timestamp,
)
from choreo_local.api.schema import INT32, OPEN, Model, Rule, checked_by, immutable
from choreo_local.api.values import BindingState, TargetPlane, Visibility


class WorkloadOverrides(Model):
    """What the workload has differently in this environment."""

    model_config = OPEN

    container: ContainerConfig | None = Field(
        None, description="Environment variables and files to add or replace."
    )


class ReleaseBindingSpec(Model):
    """Which release runs in the environment, and with which values."""

    owner: Annotated[ComponentOwner, immutable("spec.owner")] = Field(
        description="The component that is bound."
    )
    environment: Annotated[str, immutable("spec.environment")] = Field(
        description="Name of the environment."
    )
    release_name: str | None = Field(None, description="Name of the ComponentRelease.")
    state: BindingState = Field(
        BindingState.ACTIVE, description="Undeploy takes the objects away and keeps the binding."
    )
    component_type_environment_configs: FreeObject | None = Field(
        None, description="Values of the component type for this environment."
    )
    trait_environment_configs: dict[str, FreeObject] | None = Field(
        None, description="Values of the traits for this environment, by instance name."
    )
    workload_overrides: WorkloadOverrides | None = Field(
        None, description="What the workload has differently here."
    )


class Url(Model):
    """An address in its parts."""

    scheme: str | None = Field(None, description="Protocol.")
    host: NonEmpty = Field(description="Host name.")
    port: Annotated[int, INT32] | None = Field(None, description="Port.")
    path: str | None = Field(None, description="Path.")


class GatewayUrls(Model):
    """The addresses of an endpoint on one gateway."""

    http: Url | None = Field(None, description="In the clear.")
    https: Url | None = Field(None, description="With TLS ended at the gateway.")
    tls: Url | None = Field(None, description="With TLS passed through.")


class EndpointStatus(Model):
    """Where an endpoint can be reached."""

    name: str = Field(description="Name of the endpoint.")
    type: str | None = Field(None, description="Its protocol.")
    invoke_url: str | None = Field(
        None, alias="invokeURL", description="Former single address of the endpoint."
    )
    service_url: Url | None = Field(
        None, alias="serviceURL", description="Address inside the data plane."
    )
    internal_urls: GatewayUrls | None = Field(
        None, alias="internalURLs", description="Addresses on the internal gateway."
    )
    external_urls: GatewayUrls | None = Field(
        None, alias="externalURLs", description="Addresses on the external gateway."
    )


class _EndpointName(Model):
    """An endpoint of a component."""

    namespace: NonEmpty = Field(description="Control-plane namespace.")
    project: NonEmpty = Field(description="Project.")
    component: NonEmpty = Field(description="Component.")
    endpoint: NonEmpty = Field(description="Name of the endpoint.")


class ConnectionTarget(_EndpointName):
    """An endpoint that the component depends on."""

    environment: str | None = Field(None, description="Environment.")
    visibility: Visibility = Field(description="Visibility that the call relies on.")


class ResolvedConnection(_EndpointName):
    """A dependency whose address is known."""

    visibility: Visibility = Field(description="Visibility that the call relies on.")
    url: Url = Field(description="The address.")


class PendingConnection(_EndpointName):
    """A dependency whose address is not known yet."""

    reason: str = Field(description="What is missing.")


class _ResourceName(Model):
    """An OpenChoreo Resource of the project."""

    namespace: NonEmpty = Field(description="Control-plane namespace.")
    project: NonEmpty = Field(description="Project.")
    resource_name: NonEmpty = Field(description="Name of the OpenChoreo Resource.")


class ResourceDependencyTarget(_ResourceName):
    """An OpenChoreo Resource that the component depends on."""

    environment: NonEmpty = Field(description="Environment.")


class PendingResourceDependency(_ResourceName):
    """An OpenChoreo Resource that is not ready for use."""

    reason: str = Field(description="What is missing.")


class ReleaseBindingStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    last_spec_update_time: Timestamp | None = Field(
        None, description="When a new generation was last seen."
    )
    conditions: Conditions | None = None
    endpoints: list[EndpointStatus] | None = Field(None, description="Where it can be reached.")
    connection_targets: list[ConnectionTarget] | None = Field(
        None, description="Endpoints that it depends on."
    )
    resolved_connections: list[ResolvedConnection] | None = Field(
        None, description="Dependencies with a known address."
    )
    pending_connections: list[PendingConnection] | None = Field(
        None, description="Dependencies without one."
    )
    resource_dependency_targets: list[ResourceDependencyTarget] | None = Field(
        None, description="OpenChoreo Resources that it depends on."
    )
    pending_resource_dependencies: list[PendingResourceDependency] | None = Field(
        None, description="Those that are not ready."
    )
    secret_reference_names: list[str] | None = Field(None, description="SecretReferences in use.")


class ReleaseBinding(KubernetesObject):
    """A release of a component in an environment."""

    kind: Literal["ReleaseBinding"] = "ReleaseBinding"
    spec: ReleaseBindingSpec | None = None
    status: ReleaseBindingStatus | None = None


class RenderedOwner(ProjectOwner):
    """What the manifests belong to: a component, an OpenChoreo Resource, or the project itself."""

    model_config = checked_by(
        Rule(
            "!has(self.componentName) || !has(self.resourceName)",
            "componentName and resourceName both cannot be set",
        )
    )

    component_name: str | None = Field(None, description="Name of the component.")
    resource_name: str | None = Field(None, description="Name of the OpenChoreo Resource.")


class RenderedManifest(Model):
    """An object to apply."""

    id: NonEmpty = Field(description="Identifies the object from one rendering to the next.")
    object: AnyValue = Field(description="The manifest.")


class RenderedReleaseSpec(Model):
    """The manifests, and where they go."""

    owner: Annotated[RenderedOwner, immutable("spec.owner")] = Field(
        description="What they belong to."
    )
    environment_name: NonEmpty = Field(description="Name of the environment.")
    target_plane: TargetPlane = Field(
        TargetPlane.DATA_PLANE, description="The plane of the environment to apply them to."
    )
    resources: list[RenderedManifest] | None = Field(None, description="In order of application.")
    interval: Duration | None = Field(
        None, description="How often settled objects are looked at again."
    )
    progressing_interval: Duration | None = Field(
        None, description="How often objects that are not settled are looked at again."
    )


class AppliedObject(Model):
    """An applied object as it was last seen."""

    id: NonEmpty = Field(description="The id in the specification.")
    group: str | None = Field(None, description="API group.")
    version: NonEmpty = Field(description="API version.")
    kind: NonEmpty = Field(description="Kind.")
    name: NonEmpty = Field(description="Name.")
    namespace: str | None = Field(None, description="Namespace.")
    status: AnyValue = Field(None, description="Status of the live object.")
    health_status: str | None = Field(
        None, description="Healthy, Progressing, Degraded, Suspended or Unknown."
    )
    last_observed_time: Timestamp | None = Field(None, description="When this last changed.")


class RenderedReleaseStatus(Model):
    """What the controller observed."""

    conditions: Conditions | None = None
    resources: list[AppliedObject] | None = Field(None, description="The applied objects.")


class RenderedRelease(KubernetesObject):
    """The manifests of a binding, as they are applied to a plane."""

    kind: Literal["RenderedRelease"] = "RenderedRelease"
    spec: RenderedReleaseSpec | None = None
    status: RenderedReleaseStatus | None = None
