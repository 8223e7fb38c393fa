"""What wakes a ReleaseBinding, and where its reads come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.api import registry
from choreo_local.controllers import references
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.releasebinding.reconcile import Observed, reconcile
from choreo_local.controllers.runtime import Controller, Wakes
from choreo_local.rendering import names, secretuse

_CHANNEL = "ObservabilityAlertsNotificationChannel"


async def gather(watched: Watched, live: Live, binding: Manifest) -> Observed:
    """Read everything that the binding brings together."""
    del live
    namespace = binding["metadata"]["namespace"]
    spec = binding["spec"]
    project, component = spec["owner"]["projectName"], spec["owner"]["componentName"]
    environment_name = spec["environment"]
    environment = watched.get("Environment", namespace, environment_name)
    data_plane = references.data_plane_of(watched, environment) if environment else None
    release = watched.get("ComponentRelease", namespace, spec.get("releaseName") or "")
    declared = _dependencies(release)
    return Observed(
        binding=binding,
        release=release,
        component=watched.get("Component", namespace, component),
        project=watched.get("Project", namespace, project),
        environment=environment,
        data_plane=data_plane,
        notification_channel=_default_channel(watched, namespace, environment_name),
        secret_references={
            obj["metadata"]["name"]: obj for obj in watched.list("SecretReference", namespace)
        },
        providers=_providers(watched, binding, declared.get("endpoints") or ()),
        resources=_resources(watched, binding, declared.get("resources") or ()),
        rendered_release=watched.get(
            "RenderedRelease", namespace, names.rendered_release(component, environment_name)
        ),
        observability_release=watched.get(
            "RenderedRelease", namespace, names.observability_release(component, environment_name)
        ),
        has_observability_plane=bool(
            data_plane and references.observability_plane_of(watched, data_plane)
        ),
        releases=watched.by_index(
            "RenderedRelease",
            "component",
            _cell_key(namespace, project, component, environment_name),
        ),
        now=clock.timestamp(),
    )


def _dependencies(release: Manifest | None) -> Mapping[str, Sequence[Manifest]]:
    if release is None:
        return {}
    return release["spec"]["workload"].get("dependencies") or {}


def _default_channel(watched: Watched, namespace: str, environment: str) -> str:
    for channel in watched.list(_CHANNEL, namespace):
        spec = channel.get("spec") or {}
        is_default = spec.get("isEnvDefault") and spec.get("environment") == environment
        if is_default and not references.is_deleting(channel):
            return str(channel["metadata"]["name"])
    return ""


def _providers(
    watched: Watched, binding: Manifest, declared: Sequence[Manifest]
) -> dict[tuple[str, str], Sequence[Manifest]]:
    namespace, spec = binding["metadata"]["namespace"], binding["spec"]
    found = {}
    for dependency in declared:
        project = dependency.get("project") or spec["owner"]["projectName"]
        component = dependency["component"]
        key = _cell_key(namespace, project, component, spec["environment"])
        found[project, component] = watched.by_index("ReleaseBinding", "cell", key)
    return found


def _resources(
    watched: Watched, binding: Manifest, declared: Sequence[Manifest]
) -> dict[str, Sequence[Manifest]]:
    namespace, spec = binding["metadata"]["namespace"], binding["spec"]
    found = {}
    for dependency in declared:
        name = dependency["ref"]
        key = _cell_key(namespace, spec["owner"]["projectName"], name, spec["environment"])
        found[name] = watched.by_index("ResourceReleaseBinding", "cell", key)
    return found


def _cell_key(*parts: str) -> str:
    return "/".join(parts)


# Index functions.


def _binding_cell(obj: Manifest) -> Iterable[str]:
    owner = obj["spec"]["owner"]
    name = owner.get("componentName") or owner["resourceName"]
    namespace, environment = obj["metadata"]["namespace"], obj["spec"]["environment"]
    yield _cell_key(namespace, owner["projectName"], name, environment)


def _release_cell(release: Manifest) -> Iterable[str]:
    spec = release["spec"]
    component = spec["owner"].get("componentName")
    if component:
        namespace, environment = release["metadata"]["namespace"], spec["environmentName"]
        yield _cell_key(namespace, spec["owner"]["projectName"], component, environment)


def _by_release(binding: Manifest) -> Iterable[str]:
    yield f"{binding['metadata']['namespace']}/{binding['spec'].get('releaseName', '')}"


def _by_project(binding: Manifest) -> Iterable[str]:
    yield f"{binding['metadata']['namespace']}/{binding['spec']['owner']['projectName']}"


def _by_connection(binding: Manifest) -> Iterable[str]:
    for target in (binding.get("status") or {}).get("connectionTargets") or ():
        yield _cell_key(
            target["namespace"], target["project"], target["component"], target["environment"]
        )


def _by_resource(binding: Manifest) -> Iterable[str]:
    for target in (binding.get("status") or {}).get("resourceDependencyTargets") or ():
        yield _cell_key(
            target["namespace"], target["project"], target["resourceName"], target["environment"]
        )


def _by_secret(binding: Manifest) -> Iterable[str]:
    overrides = binding["spec"].get("workloadOverrides") or {}
    for name, _ in secretuse.used({}, overrides):
        yield f"{binding['metadata']['namespace']}/{name}"


def _release_by_secret(release: Manifest) -> Iterable[str]:
    for name, _ in secretuse.used(release["spec"]["workload"], {}):
        yield f"{release['metadata']['namespace']}/{name}"


# Wakes.


def _found(watched: Watched, index: str, key: str) -> Iterable[tuple[str, str]]:
    for binding in watched.by_index("ReleaseBinding", index, key):
        yield binding["metadata"]["namespace"], binding["metadata"]["name"]


def _key_of(obj: Manifest) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _of_rendered_release(watched: Watched, release: Manifest) -> Iterable[tuple[str, str]]:
    for key in _release_cell(release):
        yield from _found(watched, "cell", key)


def _of_component_release(watched: Watched, release: Manifest) -> Iterable[tuple[str, str]]:
    return _found(watched, "release", _key_of(release))


def _of_component(watched: Watched, component: Manifest) -> Iterable[tuple[str, str]]:
    return _found(watched, "component", _key_of(component))


def _of_project(watched: Watched, project: Manifest) -> Iterable[tuple[str, str]]:
    return _found(watched, "project", _key_of(project))


def _of_secret(watched: Watched, reference: Manifest) -> Iterable[tuple[str, str]]:
    # Not by the status of bindings: it does not name a reference that was missing.
    yield from _found(watched, "secret", _key_of(reference))
    for release in watched.by_index("ComponentRelease", "secret", _key_of(reference)):
        yield from _of_component_release(watched, release)


def _of_provider(watched: Watched, binding: Manifest) -> Iterable[tuple[str, str]]:
    for key in _binding_cell(binding):
        yield from _found(watched, "connection", key)


def _of_resource(watched: Watched, binding: Manifest) -> Iterable[tuple[str, str]]:
    for key in _binding_cell(binding):
        yield from _found(watched, "resource", key)


def _of_environment(watched: Watched, environment: Manifest) -> Iterable[tuple[str, str]]:
    return _found(watched, "environment", _key_of(environment))


def _of_data_plane(watched: Watched, plane: Manifest) -> Iterable[tuple[str, str]]:
    for environment in references.environments_on(watched, plane):
        yield from _of_environment(watched, environment)


def _of_channel(watched: Watched, channel: Manifest) -> Iterable[tuple[str, str]]:
    namespace, environment = channel["metadata"]["namespace"], channel["spec"]["environment"]
    return _found(watched, "environment", f"{namespace}/{environment}")


# What of another object's status counts.


def _reported(release: Manifest) -> Any:
    return release.get("status")


def _offered(provider: Manifest) -> Any:
    return (provider.get("status") or {}).get("endpoints")


def _provided(provider: Manifest) -> Any:
    status = provider.get("status") or {}
    return status.get("outputs"), status.get("conditions")


_WAKES: dict[str, Wakes] = {
    "RenderedRelease": _of_rendered_release,
    "ComponentRelease": _of_component_release,
    "Component": _of_component,
    "Project": _of_project,
    "SecretReference": _of_secret,
    "ReleaseBinding": _of_provider,
    "ResourceReleaseBinding": _of_resource,
    "Environment": _of_environment,
    "DataPlane": _of_data_plane,
    "ClusterDataPlane": _of_data_plane,
    _CHANNEL: _of_channel,
}

CONTROLLER = Controller(
    kind=registry.RELEASE_BINDING,
    gather=gather,
    reconcile=reconcile,
    field_manager="releasebinding-controller",
    wakes=_WAKES,
    heeds={
        "RenderedRelease": _reported,
        "ReleaseBinding": _offered,
        "ResourceReleaseBinding": _provided,
    },
    indexes={
        "ReleaseBinding": {
            "cell": _binding_cell,
            "release": _by_release,
            "project": _by_project,
            "connection": _by_connection,
            "resource": _by_resource,
            "secret": _by_secret,
        },
        "ComponentRelease": {"secret": _release_by_secret},
        "ResourceReleaseBinding": {"cell": _binding_cell},
        "RenderedRelease": {"component": _release_cell},
    },
)
