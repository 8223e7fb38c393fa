"""ComponentType and ClusterComponentType: what platform engineers offer as kinds of component."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    AnyValue,
    EmptyStatus,
    KubernetesObject,
    NonEmpty,
    ParameterSchema,
    PostRenderValidation,
    ResourceTemplate,
    ValidationRule,
)
from choreo_local.api.schema import Model, Rule, checked_by, fixed_at_creation
from choreo_local.api.values import WorkloadType

HAS_PRIMARY = Rule(
    "self.workloadType == 'proxy' || self.resources.exists(each, each.id == self.workloadType)",
    "resources must contain a primary resource with id matching workloadType "
    "(unless workloadType is 'proxy')",
)
ONE_LIST_OF_CHECKS = Rule(
    "!has(self.validations) || size(self.validations) == 0"
    " || !has(self.preRenderValidations) || size(self.preRenderValidations) == 0",
    "set only one of spec.validations or spec.preRenderValidations; "
    "validations is deprecated, use preRenderValidations",
)


class Checked(Model):
    """The checks of a type or trait, on its inputs and on what it renders."""

    pre_render_validations: list[ValidationRule] | None = Field(
        None, description="Conditions on the inputs, tested before rendering."
    )
    validations: list[ValidationRule] | None = Field(
        None, description="Former name of preRenderValidations."
    )
    post_render_validations: list[PostRenderValidation] | None = Field(
        None, description="Conditions on the rendered objects."
    )


class AllowedTrait(Model):
    """A trait that components of the type may add."""

    kind: Literal["Trait", "ClusterTrait"] = Field("Trait", description="Kind of the trait.")
    name: NonEmpty = Field(description="Name of the trait.")


class AllowedWorkflow(Model):
    """A workflow that components of the type may be built with."""

    kind: Literal["Workflow", "ClusterWorkflow"] = Field(
        "ClusterWorkflow", description="Kind of the workflow."
    )
    name: NonEmpty = Field(description="Name of the workflow.")


class AllowedClusterTrait(Model):
    """A cluster trait that components of the type may add."""

    kind: Literal["ClusterTrait"] = Field(description="Kind of the trait.")
    name: NonEmpty = Field(description="Name of the trait.")


class AllowedClusterWorkflow(Model):
    """A cluster workflow that components of the type may be built with."""

    kind: Literal["ClusterWorkflow"] = Field(description="Kind of the workflow.")
    name: NonEmpty = Field(description="Name of the workflow.")


class EmbeddedTrait(Model):
    """A trait that every component of the type has."""

    kind: Literal["Trait", "ClusterTrait"] = Field("Trait", description="Kind of the trait.")
    name: NonEmpty = Field(description="Name of the trait.")
    instance_name: NonEmpty = Field(description="Tells uses of the same trait apart.")
    parameters: AnyValue = Field(None, description="Parameters of the trait; may hold CEL.")
    environment_configs: AnyValue = Field(
        None, description="Values of the trait for each environment; may hold CEL."
    )


class EmbeddedClusterTrait(EmbeddedTrait):
    """A cluster trait that every component of the type has."""

    kind: Literal["ClusterTrait"] = Field("ClusterTrait", description="Kind of the trait.")


class _ComponentTypeFields(Checked):
    """What both scopes have in common."""

    model_config = checked_by(HAS_PRIMARY, ONE_LIST_OF_CHECKS)

    workload_type: Annotated[WorkloadType, fixed_at_creation("spec.workloadType")] = Field(
        description="Kind of the primary object; proxy has none."
    )
    parameters: ParameterSchema | None = Field(None, description="Schema of the parameters.")
    environment_configs: ParameterSchema | None = Field(
        None, description="Schema of the values that may differ between environments."
    )
    resources: Annotated[list[ResourceTemplate], Field(min_length=1)] = Field(
        description="Templates of the objects that a component becomes."
    )


class ComponentTypeSpec(_ComponentTypeFields):
    """How components of the type look, and what they may use."""

    traits: list[EmbeddedTrait] | None = Field(None, description="Traits of every component.")
    allowed_traits: list[AllowedTrait] | None = Field(
        None, description="Traits that a component may add; none when empty."
    )
    allowed_workflows: list[AllowedWorkflow] | None = Field(
        None, description="Workflows that a component may use; none when empty."
    )


class ClusterComponentTypeSpec(_ComponentTypeFields):
    """How components of the type look, and what they may use."""

    traits: list[EmbeddedClusterTrait] | None = Field(
        None, description="Traits of every component."
    )
    allowed_traits: list[AllowedClusterTrait] | None = Field(
        None, description="Traits that a component may add; none when empty."
    )
    allowed_workflows: list[AllowedClusterWorkflow] | None = Field(
        None, description="Workflows that a component may use; none when empty."
    )


class ComponentType(KubernetesObject):
    """A kind of component that the projects of a namespace may use."""

    kind: Literal["ComponentType"] = "ComponentType"
    spec: ComponentTypeSpec | None = None
    status: EmptyStatus | None = None


class ClusterComponentType(KubernetesObject):
    """A kind of component that all projects may use."""

    kind: Literal["ClusterComponentType"] = "ClusterComponentType"
    spec: ClusterComponentTypeSpec | None = None
    status: EmptyStatus | None = None
