"""Deploying as upstream's client does it: with bindings that the client itself writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.cli import overrides
from choreo_local.errors import ChoreoError, NotFoundError, UsageError

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deployed:
    """What was bound where; `release` is "" where the platform chooses."""

    environment: str
    binding: str
    release: str


async def component(
    client: ApiClient,
    namespace: str,
    project: str,
    name: str,
    *,
    to: str,
    release: str,
    settings: Sequence[str],
) -> tuple[Deployed, str]:
    """Bind a release of a component: with `to` that of the environment before, else a new one.

    Also the name of the release that was made, "" if none was.
    """
    project = project or await _project_of(client, namespace, name)
    paths = await _paths(client, namespace, project)
    made = ""
    if to:
        source = _source(paths, to)
        if not release:
            filters = {"component": name}
            bindings = await client.list(registry.RELEASE_BINDING, namespace, filters=filters)
            release = _bound(bindings, source, "releaseName")
        if not release:
            raise NotFoundError(f'"{name}" has no release in {source}')
    elif not release:
        found = await client.generate_release(namespace, name)
        made = release = found["metadata"]["name"]
    environment = to or _first(paths)
    binding = f"{name}-{environment}"
    spec = {
        "owner": {"projectName": project, "componentName": name},
        "environment": environment,
        "releaseName": release,
    }
    metadata = {"name": binding, "namespace": namespace}
    await _bind(client, registry.RELEASE_BINDING, metadata, spec, settings=settings)
    return Deployed(environment, binding, release), made


async def project(
    client: ApiClient,
    namespace: str,
    name: str,
    *,
    to: str,
    release: str,
    settings: Sequence[str],
) -> Deployed | None:
    """Bind a release of a project; None when it is bound already and nothing is to be changed."""
    paths = await _paths(client, namespace, name)
    kind = registry.PROJECT_RELEASE_BINDING
    bindings = await client.list(kind, namespace, filters={"project": name})
    environment = to or _first(paths)
    existing = next(
        (each for each in bindings if each["spec"].get("environment") == environment), None
    )
    if to and not release:
        source = _source(paths, to)
        release = _bound(bindings, source, "projectRelease")
        if not release:
            raise NotFoundError(f"no release pinned for source environment '{source}'")
    if existing is not None and not (to or release or settings):
        return None
    binding = existing["metadata"]["name"] if existing else f"{name}-{environment}"
    spec: Manifest = {"owner": {"projectName": name}, "environment": environment}
    if release:
        spec["projectRelease"] = release
    below: overrides.Path = ["spec", "environmentConfigs"]
    metadata = {"name": binding, "namespace": namespace}
    await _bind(client, kind, metadata, spec, settings=settings, below=below)
    return Deployed(environment, binding, release)


async def resource(client: ApiClient, namespace: str, name: str, *, environment: str) -> Deployed:
    """Bind the latest release of a resource in an environment, where it has a binding."""
    found = await client.get(registry.RESOURCE, name, namespace)
    release = ((found.get("status") or {}).get("latestRelease") or {}).get("name", "")
    if not release:
        raise NotFoundError(f'resource "{name}" has no release yet')
    kind = registry.RESOURCE_RELEASE_BINDING
    for binding in await client.list(kind, namespace, filters={"resource": name}):
        if binding["spec"].get("environment") == environment:
            binding["spec"]["resourceRelease"] = release
            await client.update(kind, binding)
            return Deployed(environment, binding["metadata"]["name"], release)
    raise NotFoundError(
        f'resource "{name}" has no binding in {environment}',
        remedy="Make one: a ResourceReleaseBinding of the resource and the environment",
    )


async def _bind(
    client: ApiClient,
    kind: ResourceKind,
    metadata: Mapping[str, str],
    spec: Mapping[str, Any],
    *,
    settings: Sequence[str],
    below: overrides.Path | None = None,
) -> None:
    """Make a binding, or set the fields of `spec` in the one that is there."""
    try:
        found = await client.get(kind, metadata["name"], metadata["namespace"])
    except NotFoundError:
        found = None
    obj: Manifest = found or {"metadata": metadata, "spec": {}}
    obj = overrides.changed({**obj, "spec": {**obj["spec"], **spec}}, settings, below=below)
    await (client.create(kind, obj) if found is None else client.update(kind, obj))


async def _project_of(client: ApiClient, namespace: str, component_name: str) -> str:
    found = await client.get(registry.COMPONENT, component_name, namespace)
    return str(found["spec"]["owner"]["projectName"])


async def _paths(client: ApiClient, namespace: str, project_name: str) -> list[tuple[str, str]]:
    """The ways of a project's pipeline: source and target."""
    found = await client.get(registry.PROJECT, project_name, namespace)
    name = found["spec"]["deploymentPipelineRef"]["name"]
    return ways(await client.get(registry.DEPLOYMENT_PIPELINE, name, namespace))


def ways(pipeline: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The ways of a pipeline: source and target."""
    return [
        (path["sourceEnvironmentRef"]["name"], target["name"])
        for path in (pipeline.get("spec") or {}).get("promotionPaths") or ()
        for target in path.get("targetEnvironmentRefs") or ()
    ]


def _source(paths: Sequence[tuple[str, str]], target: str) -> str:
    found = next((source for source, end in paths if end == target), None)
    if found is None:
        legal = ", ".join(f"{source} → {end}" for source, end in paths) or "none"
        raise UsageError(
            f"no promotion path found for target environment '{target}'",
            remedy=f"The pipeline has: {legal}",
        )
    return found


def _first(paths: Sequence[tuple[str, str]]) -> str:
    targets = {target for _, target in paths}
    found = next((source for source, _ in paths if source not in targets), None)
    if found is None:
        raise ChoreoError("the pipeline of the project has no first environment")
    return found


def _bound(bindings: Sequence[Manifest], environment: str, field: str) -> str:
    """What a binding of an environment binds; "" when nothing is bound."""
    return next(
        (
            str(each["spec"].get(field) or "")
            for each in bindings
            if each["spec"].get("environment") == environment
        ),
        "",
    )
