"""Component + environment of a repository → the binding that brings a release there; pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels
from choreo_local.errors import NotFoundError, UsageError
from choreo_local.gitops import releases
from choreo_local.gitops.index import Entry, Index, Manifest
from choreo_local.services import pipelines


@dataclass(frozen=True, slots=True)
class NextBinding:
    """A binding to be written; `existing` is what it takes the place of."""

    manifest: Manifest
    existing: Entry | None

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["metadata"]["name"])


def next_binding(
    index: Index, component: Entry, *, environment: str, pipeline: Mapping[str, Any], release: str
) -> NextBinding:
    """Bind a component in an environment.

    The pipeline says from where is promoted to the environment; which release to bind is found out
    where `release` is "".

    Raises:
        NotFoundError: there is no release that could be bound.
        UsageError: the pipeline does not lead to the environment.
    """
    project = component.owner("projectName")
    release = release or _release(index, component, environment, pipeline)
    _check_owner(index, component, release)
    existing = index.binding(project, component.name, environment)
    if existing is None:
        return NextBinding(_new(component, environment, release), None)
    manifest = copy.deepcopy(existing.manifest)
    manifest["spec"]["releaseName"] = release
    return NextBinding(manifest, existing)


def pipeline_of(index: Index, component: Entry, name: str = "") -> Entry:
    """The pipeline of a name, else that of the component's project."""
    if not name:
        project = index.find("Project", component.owner("projectName"), component.namespace)
        spec = (project.manifest.get("spec") or {}) if project else {}
        name = str((spec.get("deploymentPipelineRef") or {}).get("name") or "")
    found = index.find("DeploymentPipeline", name, component.namespace)
    if found is None:
        raise NotFoundError(f'deployment pipeline "{name}" not found')
    return Entry(found.path, _modern(found.manifest))


def target_of(pipeline: Mapping[str, Any], environment: str) -> str:
    """The environment to bind in: the one that is asked for, else the root of the pipeline."""
    found = environment or pipelines.root(pipeline)
    if found is None or found not in pipelines.order([pipeline]):
        title = pipeline["metadata"]["name"]
        raise UsageError(f'deployment pipeline "{title}" does not lead to environment "{found}"')
    return found


def _release(index: Index, component: Entry, environment: str, pipeline: Mapping[str, Any]) -> str:
    project = component.owner("projectName")
    if environment == pipelines.root(pipeline):
        wanted = releases.content(index, component)["spec"]
        found = index.releases(project, component.name)
        same = [entry for entry in found if entry.manifest.get("spec") == wanted]
        newest = releases.latest(component.name, same)
        if newest is None:
            raise NotFoundError(
                f"no matching release found for component {project}/{component.name}",
                remedy="Make one: choreo componentrelease generate --mode file-system",
            )
        return newest.name
    for source in pipelines.sources(pipeline, environment):
        binding = index.binding(project, component.name, source)
        name = str(binding.manifest["spec"].get("releaseName") or "") if binding else ""
        if name:
            return name
    raise NotFoundError(
        f"component {project}/{component.name} is bound in no environment from which is promoted "
        f"to {environment}"
    )


def _check_owner(index: Index, component: Entry, release: str) -> None:
    project = component.owner("projectName")
    if all(entry.name != release for entry in index.releases(project, component.name)):
        raise NotFoundError(
            f'release "{release}" of component {project}/{component.name} not found'
        )


def _new(component: Entry, environment: str, release: str) -> Manifest:
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "ReleaseBinding",
        "metadata": {
            "name": f"{component.name}-{environment}",
            "namespace": component.namespace or "default",
        },
        "spec": {
            "owner": {
                "projectName": component.owner("projectName"),
                "componentName": component.name,
            },
            "environment": environment,
            "releaseName": release,
        },
    }


def _modern(pipeline: Manifest) -> Manifest:
    """With sources as references; older files name them as texts."""
    made = copy.deepcopy(pipeline)
    for path in (made.get("spec") or {}).get("promotionPaths") or ():
        if isinstance(path.get("sourceEnvironmentRef"), str):
            path["sourceEnvironmentRef"] = {"name": path["sourceEnvironmentRef"]}
    return made
