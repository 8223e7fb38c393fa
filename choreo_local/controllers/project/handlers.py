"""What wakes a Project or a ProjectReleaseBinding, and where their reads come from."""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local.api import registry
from choreo_local.controllers import references
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.project import binding as bindings
from choreo_local.controllers.project import reconcile as projects
from choreo_local.controllers.runtime import Controller
from choreo_local.rendering import names

_CHILDREN = ("Component", "Resource", "ProjectReleaseBinding")


async def gather_project(watched: Watched, live: Live, project: Manifest) -> projects.Observed:
    """Read the type of a project and what belongs to it."""
    del live
    namespace, name = project["metadata"]["namespace"], project["metadata"]["name"]
    key = f"{namespace}/{name}"
    # Nobody counts the children of a project that stays: they may be thousands.
    kinds = _CHILDREN if references.is_deleting(project) else ()
    return projects.Observed(
        project=project,
        project_type=references.typed(watched, project["spec"]["type"], namespace=namespace),
        bindings=watched.by_index("ProjectReleaseBinding", "project", key),
        children=[obj for kind in kinds for obj in watched.by_index(kind, "project", key)],
        releases=watched.by_index("ProjectRelease", "project", key),
    )


async def gather_binding(watched: Watched, live: Live, binding: Manifest) -> bindings.Observed:
    """Read everything that a project binding brings together."""
    del live
    namespace, spec = binding["metadata"]["namespace"], binding["spec"]
    project = spec["owner"]["projectName"]
    environment = watched.get("Environment", namespace, spec["environment"])
    return bindings.Observed(
        binding=binding,
        release=watched.get("ProjectRelease", namespace, spec.get("projectRelease") or ""),
        environment=environment,
        data_plane=references.data_plane_of(watched, environment) if environment else None,
        project=watched.get("Project", namespace, project),
        rendered_release=watched.get(
            "RenderedRelease", namespace, names.project_release(project, spec["environment"])
        ),
    )


def _by_project(obj: Manifest) -> Iterable[str]:
    yield f"{obj['metadata']['namespace']}/{references.owner(obj, 'projectName')}"


def _by_release(binding: Manifest) -> Iterable[str]:
    yield f"{binding['metadata']['namespace']}/{binding['spec'].get('projectRelease', '')}"


def _of_project(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    return [(obj["metadata"]["namespace"], references.owner(obj, "projectName"))]


def _of_project_that_goes(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    """Only a deletion waits for these."""
    namespace, name = obj["metadata"]["namespace"], references.owner(obj, "projectName")
    project = watched.get("Project", namespace, name)
    return [(namespace, name)] if project and references.is_deleting(project) else []


def _of_type(watched: Watched, project_type: Manifest) -> Iterable[tuple[str, str]]:
    metadata = project_type["metadata"]
    for project in watched.list("Project", metadata.get("namespace")):
        reference = project["spec"]["type"]
        if (reference["kind"], reference["name"]) == (project_type["kind"], metadata["name"]):
            yield project["metadata"]["namespace"], project["metadata"]["name"]


def _names(found: Iterable[Manifest]) -> Iterable[tuple[str, str]]:
    return [(obj["metadata"]["namespace"], obj["metadata"]["name"]) for obj in found]


def _bindings_of_project(watched: Watched, project: Manifest) -> Iterable[tuple[str, str]]:
    key = f"{project['metadata']['namespace']}/{project['metadata']['name']}"
    return _names(watched.by_index("ProjectReleaseBinding", "project", key))


def _bindings_of_release(watched: Watched, release: Manifest) -> Iterable[tuple[str, str]]:
    key = f"{release['metadata']['namespace']}/{release['metadata']['name']}"
    return _names(watched.by_index("ProjectReleaseBinding", "release", key))


def _bindings_of_environment(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    key = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
    return _names(watched.by_index("ProjectReleaseBinding", "environment", key))


def _bindings_of_plane(watched: Watched, plane: Manifest) -> Iterable[tuple[str, str]]:
    for environment in references.environments_on(watched, plane):
        yield from _bindings_of_environment(watched, environment)


def _binding_of_rendered(watched: Watched, release: Manifest) -> Iterable[tuple[str, str]]:
    spec, namespace = release["spec"], release["metadata"]["namespace"]
    owner = spec["owner"]
    if owner.get("componentName") or owner.get("resourceName"):
        return []
    key = f"{namespace}/{owner['projectName']}"
    found = watched.by_index("ProjectReleaseBinding", "project", key)
    return _names(obj for obj in found if obj["spec"]["environment"] == spec["environmentName"])


PROJECTS = Controller(
    kind=registry.PROJECT,
    gather=gather_project,
    reconcile=projects.reconcile,
    field_manager="project-controller",
    wakes={
        **dict.fromkeys(("Component", "Resource"), _of_project_that_goes),
        **dict.fromkeys(("ProjectReleaseBinding", "ProjectRelease"), _of_project),
        "ProjectType": _of_type,
        "ClusterProjectType": _of_type,
    },
    indexes={kind: {"project": _by_project} for kind in (*_CHILDREN, "ProjectRelease")},
)

BINDINGS = Controller(
    kind=registry.PROJECT_RELEASE_BINDING,
    gather=gather_binding,
    reconcile=bindings.reconcile,
    field_manager="projectreleasebinding-controller",
    wakes={
        "RenderedRelease": _binding_of_rendered,
        "Project": _bindings_of_project,
        "ProjectRelease": _bindings_of_release,
        "Environment": _bindings_of_environment,
        "DataPlane": _bindings_of_plane,
        "ClusterDataPlane": _bindings_of_plane,
    },
    heeds={"RenderedRelease": lambda release: release.get("status")},
    indexes={"ProjectReleaseBinding": {"release": _by_release}},
)
