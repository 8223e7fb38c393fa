"""Component, one deployable thing of a project, and ComponentRelease, its immutable snapshot."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    AnyValue,
    ComponentOwner,
    Conditions,
    EmptyStatus,
    FreeObject,
    Int64,
    KubernetesObject,
    NonEmpty,
    ProjectOwner,
)
from choreo_local.api.schema import Model, fixed_at_creation, immutable
from choreo_local.api.v1alpha1.componenttype import ComponentTypeSpec
from choreo_local.api.v1alpha1.trait import TraitSpec
from choreo_local.api.v1alpha1.workload import WorkloadTemplate

COMPONENT_TYPE_NAME = "^(deployment|statefulset|cronjob|job|proxy)/[a-z0-9]([-a-z0-9]*[a-z0-9])?$"


class ComponentTypeRef(Model):
    """The type of a component."""

    kind: Literal["ComponentType", "ClusterComponentType"] = Field(
        "ComponentType", description="Kind of the type."
    )
    name: Annotated[str, Field(pattern=COMPONENT_TYPE_NAME)] = Field(
        description="Workload type and name, e.g. deployment/service."
    )


class ComponentTrait(Model):
    """A trait that the component adds to those of its type."""

    kind: Literal["Trait", "ClusterTrait"] = Field("Trait", description="Kind of the trait.")
    name: NonEmpty = Field(description="Name of the trait.")
    instance_name: NonEmpty = Field(description="Tells uses of the same trait apart.")
    parameters: AnyValue = Field(None, description="Parameters of the trait.")


class WorkflowSelection(Model):
    """The workflow that builds the component."""

    kind: Literal["Workflow", "ClusterWorkflow"] = Field(
        "ClusterWorkflow", description="Kind of the workflow."
    )
    name: NonEmpty = Field(description="Name of the workflow.")
    parameters: FreeObject | None = Field(None, description="Parameters of the workflow.")


class ComponentSpec(Model):
    """What the component is and how it gets deployed."""

    owner: Annotated[ProjectOwner, immutable("spec.owner")] = Field(
        description="The project of the component."
    )
    component_type: Annotated[ComponentTypeRef, fixed_at_creation("spec.componentType")] = Field(
        description="The type of the component."
    )
    parameters: AnyValue = Field(None, description="Parameters of the type.")
    traits: list[ComponentTrait] | None = Field(None, description="Further traits.")
    workflow: WorkflowSelection | None = Field(None, description="How it is built.")
    auto_deploy: bool | None = Field(
        None, description="Whether each change is released to the first environment."
    )
    auto_build: bool | None = Field(
        None, description="Whether a push to the source repository starts a build."
    )


class LatestComponentRelease(Model):
    """The newest release of the component; kept for components that deploy by themselves."""

    name: NonEmpty = Field(description="Name of the release.")
    release_hash: NonEmpty = Field(description="Content hash of the release.")


class ComponentStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: Conditions | None = None
    latest_release: LatestComponentRelease | None = Field(None, description="Newest release.")


class Component(KubernetesObject):
    """One deployable thing that a developer owns."""

    kind: Literal["Component"] = "Component"
    spec: ComponentSpec | None = None
    status: ComponentStatus | None = None


class FrozenComponentType(Model):
    """The type as it was when the release was cut."""

    kind: Literal["ComponentType", "ClusterComponentType"] = Field(description="Kind of the type.")
    name: NonEmpty = Field(description="Name as the component wrote it.")
    spec: ComponentTypeSpec = Field(description="Its specification.")


class FrozenTrait(Model):
    """A trait as it was when the release was cut."""

    kind: Literal["Trait", "ClusterTrait"] = Field(description="Kind of the trait.")
    name: NonEmpty = Field(description="Name of the trait.")
    spec: TraitSpec = Field(description="Its specification.")


class ProfileTrait(Model):
    """A use of a trait by the component."""

    kind: Literal["Trait", "ClusterTrait"] = Field(description="Kind of the trait.")
    name: NonEmpty = Field(description="Name of the trait.")
    instance_name: NonEmpty = Field(description="Tells uses of the same trait apart.")
    parameters: AnyValue = Field(None, description="Parameters of the trait.")


class ComponentProfile(Model):
    """What the component itself chose."""

    parameters: AnyValue = Field(None, description="Parameters of the type.")
    traits: list[ProfileTrait] | None = Field(None, description="Traits that it added.")


class ComponentReleaseSpec(Model):
    """All that rendering the component needs, frozen."""

    owner: Annotated[ComponentOwner, immutable("spec.owner")] = Field(
        description="The component that was released."
    )
    component_type: Annotated[FrozenComponentType, immutable("spec.componentType")] = Field(
        description="Its type."
    )
    traits: Annotated[list[FrozenTrait], Field(max_length=100), immutable("spec.traits")] | None = (
        Field(None, description="All traits in use, by kind and name.")
    )
    component_profile: Annotated[ComponentProfile, immutable("spec.componentProfile")] | None = (
        Field(None, description="Parameters and traits of the component.")
    )
    workload: Annotated[WorkloadTemplate, immutable("spec.workload")] = Field(
        description="Its workload."
    )


class ComponentRelease(KubernetesObject):
    """An immutable snapshot of a component, its type, traits and workload."""

    kind: Literal["ComponentRelease"] = "ComponentRelease"
    spec: ComponentReleaseSpec | None = None
    status: EmptyStatus | None = None
