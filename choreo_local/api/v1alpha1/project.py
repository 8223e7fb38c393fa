"""Project, its types, and how a project becomes a cell: ProjectRelease, ProjectReleaseBinding."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    DNS_LABEL,
    AnyValue,
    Conditions,
    EmptyStatus,
    Int64,
    KeyedConditions,
    KubernetesObject,
    LatestRelease,
    Name63,
    NonEmpty,
    ParameterSchema,
    ProjectOwner,
    ResourceTemplate,
    ValidationRule,
)
from choreo_local.api.schema import Model, Rule, checked_by, fixed_at_creation, immutable, list_map

TypeName = Annotated[str, Field(min_length=1, pattern=DNS_LABEL)]


class ProjectTypeSpec(Model):
    """What every cell of a project of the type holds."""

    parameters: ParameterSchema | None = Field(None, description="Schema of the parameters.")
    environment_configs: ParameterSchema | None = Field(
        None, description="Schema of the values that may differ between environments."
    )
    validations: list[ValidationRule] | None = Field(
        None, description="Conditions on the inputs, tested before rendering."
    )
    resources: Annotated[list[ResourceTemplate], Field(min_length=1), list_map("id")] = Field(
        description="Templates of the cell's objects; one is its Namespace."
    )


class ProjectType(KubernetesObject):
    """A kind of project that a namespace may use."""

    kind: Literal["ProjectType"] = "ProjectType"
    spec: ProjectTypeSpec | None = None
    status: EmptyStatus | None = None


class ClusterProjectType(KubernetesObject):
    """A kind of project that all namespaces may use."""

    kind: Literal["ClusterProjectType"] = "ClusterProjectType"
    spec: ProjectTypeSpec | None = None
    status: EmptyStatus | None = None


class DeploymentPipelineRef(Model):
    """The pipeline that the project's components are promoted through."""

    kind: Literal["DeploymentPipeline"] = Field(
        "DeploymentPipeline", description="Kind of the pipeline."
    )
    name: Name63 = Field(description="Name of the pipeline.")


class ProjectTypeRef(Model):
    """The type of a project."""

    kind: Literal["ProjectType", "ClusterProjectType"] = Field(
        "ProjectType", description="Kind of the type."
    )
    name: TypeName = Field(description="Name of the type.")


class ProjectSpec(Model):
    """How the project is deployed and what its cells hold."""

    deployment_pipeline_ref: DeploymentPipelineRef = Field(
        description="Pipeline that its components are promoted through."
    )
    type: Annotated[ProjectTypeRef, fixed_at_creation("spec.type")] = Field(
        description="The type of the project."
    )
    parameters: AnyValue = Field(None, description="Parameters of the type.")


class ProjectStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: Conditions | None = None
    latest_release: LatestRelease | None = Field(None, description="Newest release.")


class Project(KubernetesObject):
    """A set of components with one deployment pipeline; the unit of a cell."""

    kind: Literal["Project"] = "Project"
    spec: ProjectSpec | None = None
    status: ProjectStatus | None = None


class FrozenProjectType(Model):
    """The type as it was when the release was cut."""

    kind: Literal["ProjectType", "ClusterProjectType"] = Field(description="Kind of the type.")
    name: NonEmpty = Field(description="Name of the type.")
    spec: ProjectTypeSpec = Field(description="Its specification.")


class ProjectReleaseSpec(Model):
    """All that rendering a cell needs, frozen."""

    model_config = checked_by(Rule("self == oldSelf", "ProjectRelease spec is immutable"))

    owner: ProjectOwner = Field(description="The project that was released.")
    project_type: FrozenProjectType = Field(description="Its type.")
    parameters: AnyValue = Field(None, description="Its parameters.")


class ProjectRelease(KubernetesObject):
    """An immutable snapshot of a project's type and parameters."""

    kind: Literal["ProjectRelease"] = "ProjectRelease"
    spec: ProjectReleaseSpec | None = None
    status: EmptyStatus | None = None


class ProjectReleaseBindingSpec(Model):
    """Which release of the project an environment has."""

    owner: Annotated[ProjectOwner, immutable("spec.owner")] = Field(
        description="The project that is bound."
    )
    environment: Annotated[NonEmpty, immutable("spec.environment")] = Field(
        description="Name of the environment."
    )
    project_release: str | None = Field(
        None, description="Name of the release; filled in once when it is empty."
    )
    environment_configs: AnyValue = Field(
        None, description="Values of the project type for this environment."
    )


class ProjectReleaseBindingStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: KeyedConditions | None = None
    namespace: str | None = Field(None, description="Namespace of the cell on the data plane.")


class ProjectReleaseBinding(KubernetesObject):
    """A project in an environment: gives it its cell."""

    kind: Literal["ProjectReleaseBinding"] = "ProjectReleaseBinding"
    spec: ProjectReleaseBindingSpec | None = None
    status: ProjectReleaseBindingStatus | None = None
