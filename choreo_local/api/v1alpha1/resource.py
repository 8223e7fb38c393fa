"""OpenChoreo Resources: managed infrastructure that a project asks for, its types and releases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    AnyValue,
    EmptyStatus,
    Expression,
    FreeObject,
    Int64,
    KeyedConditions,
    KubernetesObject,
    LatestRelease,
    NonEmpty,
    ParameterSchema,
    ProjectOwner,
    ResourceOwner,
    SecretKeyRef,
)
from choreo_local.api.schema import (
    Model,
    Rule,
    checked_by,
    fixed_at_creation,
    immutable,
    list_map,
)
from choreo_local.api.v1alpha1.project import TypeName
from choreo_local.api.values import RetainPolicy

ONE_SOURCE = Rule(
    "[has(self.value), has(self.secretKeyRef), has(self.configMapKeyRef)].exists_one(given, given)",
    "exactly one of value, secretKeyRef, or configMapKeyRef must be set",
)


class ConfigMapKeyRef(Model):
    """One key of a ConfigMap."""

    name: NonEmpty = Field(description="Name of the ConfigMap.")
    key: NonEmpty = Field(description="Key within it.")


class Output(Model):
    """Something that components may use: a value, or where it is kept."""

    model_config = checked_by(ONE_SOURCE)

    name: NonEmpty = Field(description="Name of the output.")
    value: str | None = Field(None, description="The value, in the open.")
    secret_key_ref: SecretKeyRef | None = Field(None, description="A key of a Secret.")
    config_map_key_ref: ConfigMapKeyRef | None = Field(None, description="A key of a ConfigMap.")


Outputs = Annotated[list[Output], list_map("name")]


class ManagedTemplate(Model):
    """A manifest of the managed infrastructure, with CEL in `${…}`."""

    id: NonEmpty = Field(description="Identifies the template and what is rendered from it.")
    include_when: Expression | None = Field(
        None, description="CEL expression; the object is left out where it gives false."
    )
    ready_when: Expression | None = Field(
        None, description="CEL expression over the live object; its health decides if absent."
    )
    template: FreeObject = Field(description="The manifest; text in `${…}` is evaluated.")


class ResourceTypeSpec(Model):
    """What is made for an OpenChoreo Resource of the type, and what it hands out."""

    parameters: ParameterSchema | None = Field(None, description="Schema of the parameters.")
    environment_configs: ParameterSchema | None = Field(
        None, description="Schema of the values that may differ between environments."
    )
    resources: Annotated[list[ManagedTemplate], Field(min_length=1), list_map("id")] = Field(
        description="Templates of the objects to make."
    )
    outputs: Outputs | None = Field(None, description="What components may use.")
    retain_policy: RetainPolicy = Field(
        RetainPolicy.DELETE, description="What becomes of it when a binding is deleted."
    )


class ResourceType(KubernetesObject):
    """A kind of managed infrastructure that a namespace may use."""

    kind: Literal["ResourceType"] = "ResourceType"
    spec: ResourceTypeSpec | None = None
    status: EmptyStatus | None = None


class ClusterResourceType(KubernetesObject):
    """A kind of managed infrastructure that all namespaces may use."""

    kind: Literal["ClusterResourceType"] = "ClusterResourceType"
    spec: ResourceTypeSpec | None = None
    status: EmptyStatus | None = None


class ResourceTypeRef(Model):
    """The type of an OpenChoreo Resource."""

    kind: Literal["ResourceType", "ClusterResourceType"] = Field(
        "ResourceType", description="Kind of the type."
    )
    name: TypeName = Field(description="Name of the type.")


class ResourceSpec(Model):
    """What the project asks for."""

    owner: Annotated[ProjectOwner, immutable("spec.owner")] = Field(
        description="The project that asks for it."
    )
    type: Annotated[ResourceTypeRef, fixed_at_creation("spec.type")] = Field(
        description="The type of what is asked for."
    )
    parameters: AnyValue = Field(None, description="Parameters of the type.")


class ResourceStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: KeyedConditions | None = None
    latest_release: LatestRelease | None = Field(None, description="Newest release.")


class Resource(KubernetesObject):
    """Managed infrastructure that a project asks for, such as a database."""

    kind: Literal["Resource"] = "Resource"
    spec: ResourceSpec | None = None
    status: ResourceStatus | None = None


class FrozenResourceType(Model):
    """The type as it was when the release was cut."""

    kind: Literal["ResourceType", "ClusterResourceType"] = Field(description="Kind of the type.")
    name: NonEmpty = Field(description="Name of the type.")
    spec: ResourceTypeSpec = Field(description="Its specification.")


class ResourceReleaseSpec(Model):
    """All that rendering the OpenChoreo Resource needs, frozen."""

    model_config = checked_by(Rule("self == oldSelf", "ResourceRelease spec is immutable"))

    owner: ResourceOwner = Field(description="What was released.")
    resource_type: FrozenResourceType = Field(description="Its type.")
    parameters: AnyValue = Field(None, description="Its parameters.")


class ResourceRelease(KubernetesObject):
    """An immutable snapshot of an OpenChoreo Resource's type and parameters."""

    kind: Literal["ResourceRelease"] = "ResourceRelease"
    spec: ResourceReleaseSpec | None = None
    status: EmptyStatus | None = None


class ResourceReleaseBindingSpec(Model):
    """Which release of the OpenChoreo Resource an environment has."""

    owner: Annotated[ResourceOwner, immutable("spec.owner")] = Field(
        description="The OpenChoreo Resource that is bound."
    )
    environment: Annotated[NonEmpty, immutable("spec.environment")] = Field(
        description="Name of the environment."
    )
    resource_release: str | None = Field(None, description="Name of the release.")
    resource_type_environment_configs: AnyValue = Field(
        None, description="Values of the type for this environment."
    )
    retain_policy: RetainPolicy | None = Field(
        None, description="Overrides the retain policy of the type."
    )


class ResourceReleaseBindingStatus(Model):
    """What the controller observed."""

    conditions: KeyedConditions | None = None
    outputs: Outputs | None = Field(None, description="Outputs that are known by now.")


class ResourceReleaseBinding(KubernetesObject):
    """An OpenChoreo Resource in an environment."""

    kind: Literal["ResourceReleaseBinding"] = "ResourceReleaseBinding"
    spec: ResourceReleaseBindingSpec | None = None
    status: ResourceReleaseBindingStatus | None = None
