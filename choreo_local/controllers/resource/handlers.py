"""What wakes a Resource or a ResourceReleaseBinding, and where their reads come from."""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local.api import registry
from choreo_local.controllers import references
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.resource import binding as bindings
from choreo_local.controllers.resource import reconcile as resources
from choreo_local.controllers.runtime import Controller
from choreo_local.rendering import names


async def gather_resource(watched: Watched, live: Live, resource: Manifest) -> resources.Observed:
    """Read the type of a resource and what belongs to it."""
    del live
    namespace, name = resource["metadata"]["namespace"], resource["metadata"]["name"]
    key = f"{namespace}/{name}"
    return resources.Observed(
        resource=resource,
        resource_type=references.typed(watched, resource["spec"]["type"], namespace=namespace),
        bindings=watched.by_index("ResourceReleaseBinding", "owner", key),
        releases={
            release["metadata"]["name"]: release
            for release in watched.by_index("ResourceRelease", "owner", key)
        },
    )


async def gather_binding(watched: Watched, live: Live, binding: Manifest) -> bindings.Observed:
    """Read everything that a resource binding brings together."""
    del live
    namespace, spec = binding["metadata"]["namespace"], binding["spec"]
    owner = spec["owner"]
    environment = watched.get("Environment", namespace, spec["environment"])
    return bindings.Observed(
        binding=binding,
        release=watched.get("ResourceRelease", namespace, spec.get("resourceRelease") or ""),
        environment=environment,
        data_plane=references.data_plane_of(watched, environment) if environment else None,
        resource=watched.get("Resource", namespace, owner["resourceName"]),
        project=watched.get("Project", namespace, owner["projectName"]),
        rendered_release=watched.get(
            "RenderedRelease",
            namespace,
            names.resource_base(owner["resourceName"], spec["environment"]),
        ),
    )


# Index functions.


def _by_owner(obj: Manifest) -> Iterable[str]:
    yield f"{obj['metadata']['namespace']}/{references.owner(obj, 'resourceName')}"


def _by_project(obj: Manifest) -> Iterable[str]:
    yield f"{obj['metadata']['namespace']}/{references.owner(obj, 'projectName')}"


def _by_release(binding: Manifest) -> Iterable[str]:
    yield f"{binding['metadata']['namespace']}/{binding['spec'].get('resourceRelease', '')}"


def _by_type(resource: Manifest) -> Iterable[str]:
    reference = resource["spec"]["type"]
    namespace = resource["metadata"]["namespace"]
    yield _typed_key(reference["kind"], namespace, reference["name"])


def _typed_key(kind: str, namespace: str, name: str) -> str:
    return f"{kind}:{'' if kind.startswith('Cluster') else namespace}/{name}"


# Wakes.


def _key_of(obj: Manifest) -> str:
    return f"{obj['metadata'].get('namespace', '')}/{obj['metadata']['name']}"


def _names(found: Iterable[Manifest]) -> Iterable[tuple[str, str]]:
    return [(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in found]


def _of_owner(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    return [(obj["metadata"]["namespace"], references.owner(obj, "resourceName"))]


def _of_type(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    metadata = obj["metadata"]
    key = _typed_key(obj["kind"], metadata.get("namespace", ""), metadata["name"])
    return _names(watched.by_index("Resource", "type", key))


def _bindings_of_resource(watched: Watched, resource: Manifest) -> Iterable[tuple[str, str]]:
    return _names(watched.by_index("ResourceReleaseBinding", "owner", _key_of(resource)))


def _bindings_of_project(watched: Watched, project: Manifest) -> Iterable[tuple[str, str]]:
    return _names(watched.by_index("ResourceReleaseBinding", "project", _key_of(project)))


def _bindings_of_release(watched: Watched, release: Manifest) -> Iterable[tuple[str, str]]:
    return _names(watched.by_index("ResourceReleaseBinding", "release", _key_of(release)))


def _bindings_of_environment(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    return _names(watched.by_index("ResourceReleaseBinding", "environment", _key_of(obj)))


def _bindings_of_plane(watched: Watched, plane: Manifest) -> Iterable[tuple[str, str]]:
    for environment in references.environments_on(watched, plane):
        yield from _bindings_of_environment(watched, environment)


def _binding_of_rendered(watched: Watched, release: Manifest) -> Iterable[tuple[str, str]]:
    spec, namespace = release["spec"], release["metadata"]["namespace"]
    resource = spec["owner"].get("resourceName")
    if not resource:
        return []
    found = watched.by_index("ResourceReleaseBinding", "owner", f"{namespace}/{resource}")
    return _names(obj for obj in found if obj["spec"]["environment"] == spec["environmentName"])


RESOURCES = Controller(
    kind=registry.RESOURCE,
    gather=gather_resource,
    reconcile=resources.reconcile,
    field_manager="resource-controller",
    wakes={
        "ResourceRelease": _of_owner,
        "ResourceReleaseBinding": _of_owner,
        "ResourceType": _of_type,
        "ClusterResourceType": _of_type,
    },
    indexes={
        "Resource": {"type": _by_type},
        "ResourceRelease": {"owner": _by_owner},
        "ResourceReleaseBinding": {"owner": _by_owner, "project": _by_project},
    },
)

BINDINGS = Controller(
    kind=registry.RESOURCE_RELEASE_BINDING,
    gather=gather_binding,
    reconcile=bindings.reconcile,
    field_manager="resourcereleasebinding-controller",
    wakes={
        "RenderedRelease": _binding_of_rendered,
        "Resource": _bindings_of_resource,
        "Project": _bindings_of_project,
        "ResourceRelease": _bindings_of_release,
        "Environment": _bindings_of_environment,
        "DataPlane": _bindings_of_plane,
        "ClusterDataPlane": _bindings_of_plane,
    },
    heeds={"RenderedRelease": lambda release: release.get("status")},
    indexes={"ResourceReleaseBinding": {"release": _by_release}},
)
