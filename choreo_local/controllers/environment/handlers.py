"""What wakes an Environment or a DeploymentPipeline, and where their reads come from."""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local.api import registry
from choreo_local.controllers.environment import pipeline as pipelines
from choreo_local.controllers.environment import reconcile as environments
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.runtime import Controller

_BINDINGS = ("ReleaseBinding", "ProjectReleaseBinding", "ResourceReleaseBinding")


async def gather_environment(watched: Watched, live: Live, obj: Manifest) -> environments.Observed:
    """Read the pipelines and bindings that name an environment."""
    del live
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    key = f"{namespace}/{name}"
    return environments.Observed(
        environment=obj,
        pipelines=watched.by_index("DeploymentPipeline", "environment", key),
        bindings=[
            binding for kind in _BINDINGS for binding in watched.by_index(kind, "environment", key)
        ],
    )


async def gather_pipeline(watched: Watched, live: Live, obj: Manifest) -> pipelines.Observed:
    """Read the projects that use a pipeline."""
    del live
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    return pipelines.Observed(
        pipeline=obj, projects=watched.by_index("Project", "pipeline", f"{namespace}/{name}")
    )


def environment_names(pipeline: Manifest) -> set[str]:
    """All environments that a pipeline names."""
    names = set()
    for path in (pipeline.get("spec") or {}).get("promotionPaths") or ():
        names.add(path["sourceEnvironmentRef"]["name"])
        names |= {target["name"] for target in path["targetEnvironmentRefs"]}
    return names


def _named_environments(pipeline: Manifest) -> Iterable[str]:
    namespace = pipeline["metadata"]["namespace"]
    return [f"{namespace}/{name}" for name in environment_names(pipeline)]


def _wake_environments(watched: Watched, pipeline: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    namespace = pipeline["metadata"]["namespace"]
    return [(namespace, name) for name in environment_names(pipeline)]


def _environment_of(binding: Manifest) -> Iterable[str]:
    yield f"{binding['metadata']['namespace']}/{binding['spec']['environment']}"


def _wake_environment_of(watched: Watched, binding: Manifest) -> Iterable[tuple[str, str]]:
    environment = (binding["metadata"]["namespace"], binding["spec"]["environment"])
    found = watched.get("Environment", *environment)
    # Only a deletion waits for bindings; every other event of theirs is of no interest here.
    return [environment] if found and found["metadata"].get("deletionTimestamp") else []


def _pipeline_of(project: Manifest) -> Iterable[str]:
    reference = (project.get("spec") or {}).get("deploymentPipelineRef") or {}
    yield f"{project['metadata']['namespace']}/{reference.get('name', '')}"


def _wake_pipeline_of(watched: Watched, project: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    reference = (project.get("spec") or {}).get("deploymentPipelineRef") or {}
    return [(project["metadata"]["namespace"], reference.get("name", ""))]


ENVIRONMENTS = Controller(
    kind=registry.ENVIRONMENT,
    gather=gather_environment,
    reconcile=environments.reconcile,
    field_manager="environment-controller",
    needs_spec=False,
    wakes={
        "DeploymentPipeline": _wake_environments,
        **dict.fromkeys(_BINDINGS, _wake_environment_of),
    },
    indexes={
        "DeploymentPipeline": {"environment": _named_environments},
        **{kind: {"environment": _environment_of} for kind in _BINDINGS},
    },
)

PIPELINES = Controller(
    kind=registry.DEPLOYMENT_PIPELINE,
    gather=gather_pipeline,
    reconcile=pipelines.reconcile,
    field_manager="deploymentpipeline-controller",
    needs_spec=False,
    wakes={"Project": _wake_pipeline_of},
    indexes={"Project": {"pipeline": _pipeline_of}},
)
