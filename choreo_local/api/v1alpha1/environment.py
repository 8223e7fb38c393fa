"""Environment, where releases run, and DeploymentPipeline, the paths of promotion between them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from choreo_local.api.common import Conditions, Int64, KubernetesObject, Name63
from choreo_local.api.schema import Model, Rule, checked_by
from choreo_local.api.v1alpha1.dataplane import GatewayConfig


class DataPlaneRef(Model):
    """The data plane of an environment."""

    kind: Literal["DataPlane", "ClusterDataPlane"] = Field(description="Kind of the plane.")
    name: str = Field(description="Name of the plane.")


class EnvironmentSpec(Model):
    """Where the environment's releases run."""

    model_config = checked_by(
        Rule(
            "!has(oldSelf.dataPlaneRef) || self.dataPlaneRef == oldSelf.dataPlaneRef",
            "dataPlaneRef is immutable once set",
        )
    )

    data_plane_ref: DataPlaneRef | None = Field(
        None, description="Its data plane; the one named default if absent."
    )
    is_production: bool | None = Field(None, description="Whether real users depend on it.")
    gateway: GatewayConfig | None = Field(
        None, description="Overrides the gateway settings of the data plane."
    )


class EnvironmentStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: Conditions | None = None


class Environment(KubernetesObject):
    """A place to run releases in, on a data plane."""

    kind: Literal["Environment"] = "Environment"
    spec: EnvironmentSpec | None = None
    status: EnvironmentStatus | None = None


class EnvironmentRef(Model):
    """An environment of the namespace."""

    kind: Literal["Environment"] = Field("Environment", description="Kind of the environment.")
    name: Name63 = Field(description="Name of the environment.")


class PromotionPath(Model):
    """From which environment releases may go to which others."""

    source_environment_ref: EnvironmentRef = Field(description="Where they come from.")
    target_environment_refs: list[EnvironmentRef] = Field(description="Where they may go.")


class DeploymentPipelineSpec(Model):
    """The allowed ways of promotion."""

    promotion_paths: list[PromotionPath] | None = Field(
        None,
        description="The first source that is no target of another path is where releases start.",
    )


class DeploymentPipelineStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: Conditions | None = None


class DeploymentPipeline(KubernetesObject):
    """The order in which the releases of a project pass through environments."""

    kind: Literal["DeploymentPipeline"] = "DeploymentPipeline"
    spec: DeploymentPipelineSpec | None = None
    status: DeploymentPipelineStatus | None = None
