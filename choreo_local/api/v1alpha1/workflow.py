"""Workflow and ClusterWorkflow, how something is done, and WorkflowRun, doing it once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    Expression,
    FreeObject,
    KeyedConditions,
    KubernetesObject,
    Name63,
    NonEmpty,
    ParameterSchema,
    Timestamp,
    TimeToLive,
)
from choreo_local.api.schema import Model, Rule, immutable, list_map
from choreo_local.api.values import TaskPhase

REFERENCE_ID = "^[a-z][a-z0-9-]*[a-z0-9]$"


class WorkflowPlaneRef(Model):
    """The plane that runs a workflow."""

    kind: Literal["WorkflowPlane", "ClusterWorkflowPlane"] = Field(description="Kind of the plane.")
    name: Name63 = Field(description="Name of the plane.")


class ClusterWorkflowPlaneRef(Model):
    """The cluster-scoped plane that runs a workflow."""

    kind: Literal["ClusterWorkflowPlane"] = Field(description="Kind of the plane.")
    name: Name63 = Field(description="Name of the plane.")


class ExternalRef(Model):
    """An object whose content expressions may use."""

    id: Annotated[str, Field(min_length=2, max_length=63, pattern=REFERENCE_ID)] = Field(
        description="Name in expressions."
    )
    api_version: NonEmpty = Field(description="API version of the object.")
    kind: Literal["SecretReference"] = Field(description="Kind of the object.")
    name: NonEmpty = Field(description="Name of the object; may hold CEL.")


class RunTemplate(Model):
    """A further object that a run needs, with CEL in `${…}`."""

    id: NonEmpty = Field(description="Identifies the template.")
    include_when: Expression | None = Field(
        None, description="CEL expression; the object is left out where it gives false."
    )
    template: FreeObject = Field(description="The manifest; text in `${…}` is evaluated.")


class _WorkflowFields(Model):
    """What both scopes have in common."""

    parameters: ParameterSchema | None = Field(None, description="Schema of the parameters.")
    run_template: FreeObject = Field(
        description="The object that starts the run on the plane, an Argo Workflow."
    )
    resources: list[RunTemplate] | None = Field(
        None, description="Further objects that a run needs."
    )
    external_refs: Annotated[list[ExternalRef], list_map("id")] | None = Field(
        None, description="Objects whose content expressions may use."
    )
    ttl_after_completion: TimeToLive | None = Field(
        None, description="How long a finished run is kept, e.g. 1d12h."
    )


_PLANE_IS_FIXED = immutable("spec.workflowPlaneRef")


class WorkflowSpec(_WorkflowFields):
    """How something is done, and where."""

    workflow_plane_ref: Annotated[WorkflowPlaneRef, _PLANE_IS_FIXED] = Field(
        WorkflowPlaneRef(kind="ClusterWorkflowPlane", name="default"),
        description="The plane that runs it.",
    )


class ClusterWorkflowSpec(_WorkflowFields):
    """How something is done, and where."""

    workflow_plane_ref: Annotated[ClusterWorkflowPlaneRef, _PLANE_IS_FIXED] = Field(
        ClusterWorkflowPlaneRef(kind="ClusterWorkflowPlane", name="default"),
        description="The plane that runs it.",
    )


class WorkflowStatus(Model):
    """What the controller observed."""

    conditions: KeyedConditions | None = None


class Workflow(KubernetesObject):
    """How something is done, for one namespace."""

    kind: Literal["Workflow"] = "Workflow"
    spec: WorkflowSpec
    status: WorkflowStatus | None = None


class ClusterWorkflow(KubernetesObject):
    """How something is done, for all namespaces."""

    kind: Literal["ClusterWorkflow"] = "ClusterWorkflow"
    spec: ClusterWorkflowSpec | None = None
    status: WorkflowStatus | None = None


class WorkflowRunSelection(Model):
    """The workflow to run, and with what."""

    kind: Annotated[
        Literal["Workflow", "ClusterWorkflow"], Rule("self == oldSelf", "kind is immutable")
    ] = Field("ClusterWorkflow", description="Kind of the workflow.")
    name: Annotated[NonEmpty, Rule("self == oldSelf", "name is immutable")] = Field(
        description="Name of the workflow."
    )
    parameters: FreeObject | None = Field(None, description="Parameters of the workflow.")


class WorkflowRunSpec(Model):
    """What to run."""

    workflow: WorkflowRunSelection = Field(description="The workflow and its parameters.")
    ttl_after_completion: TimeToLive | None = Field(
        None, description="How long the finished run is kept; that of the workflow if absent."
    )


class PlaneObject(Model):
    """An object on the workflow plane."""

    api_version: NonEmpty = Field(description="API version.")
    kind: NonEmpty = Field(description="Kind.")
    name: NonEmpty = Field(description="Name.")
    namespace: str | None = Field(None, description="Namespace.")


class Task(Model):
    """One step of the run."""

    name: NonEmpty = Field(description="Name of the step.")
    phase: TaskPhase | None = Field(None, description="How far it is.")
    message: str | None = Field(None, description="What there is to say about it.")
    started_at: Timestamp | None = Field(None, description="When it started.")
    completed_at: Timestamp | None = Field(None, description="When it ended.")


class WorkflowRunStatus(Model):
    """What the controller observed."""

    conditions: KeyedConditions | None = None
    run_reference: PlaneObject | None = Field(None, description="The run on the plane.")
    resources: list[PlaneObject] | None = Field(None, description="Further objects on the plane.")
    tasks: list[Task] | None = Field(None, description="The steps, in order.")
    started_at: Timestamp | None = Field(None, description="When the run was first seen.")
    completed_at: Timestamp | None = Field(None, description="When it ended.")


class WorkflowRun(KubernetesObject):
    """One execution of a workflow."""

    kind: Literal["WorkflowRun"] = "WorkflowRun"
    spec: WorkflowRunSpec
    status: WorkflowRunStatus | None = None
