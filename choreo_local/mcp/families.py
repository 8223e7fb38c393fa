"""The kinds that tools speak of, and which tools each has; pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from choreo_local.mcp.arguments import CLUSTER, SCOPE, Arguments
from choreo_local.services import guards, kinds
from choreo_local.services.kinds import ServedKind

BUILD, COMPONENT, DEPLOYMENT = "build", "component", "deployment"
NAMESPACE, PE, PROJECT, RESOURCE = "namespace", "pe", "project", "resource"
LIST, GET, DELETE = "list", "get", "delete"
CREATE, UPDATE, SCHEMA, NEW_SCHEMA = "create", "update", "schema", "creation_schema"
_READ = (LIST, GET)
_MANAGED = (CREATE, UPDATE, DELETE, NEW_SCHEMA)
_ALL = (*_READ, SCHEMA, *_MANAGED)


@dataclass(frozen=True, slots=True)
class Family:
    """A kind as tools call it.

    Attributes:
        word: in the names of tools.
        kind: that lives in namespaces.
        label: in `… not found`.
        verbs: what tools there are.
        name: the argument that names one.
        owner: the arguments that lists are narrowed by → the field below `spec.owner`.
        key: of the list in a result; the plural of the word unless it is given.
        toolsets: by verb; those of "" are for all others.
        scoped: whether there is a kind for the cluster as well.
    """

    word: str
    kind: str
    label: str
    verbs: tuple[str, ...]
    toolsets: Mapping[str, tuple[str, ...]]
    name: str = "name"
    owner: str = ""
    key: str = ""
    plural: str = ""
    scoped: bool = False

    @property
    def words(self) -> str:
        """The plural of the word."""
        return self.plural or f"{self.word}s"

    def kind_of(self, given: Arguments) -> ServedKind:
        """The kind that a call means."""
        is_of_cluster = self.scoped and given.get(SCOPE) == CLUSTER
        return kinds.BY_KIND[f"Cluster{self.kind}" if is_of_cluster else self.kind]

    def actions(self, verb: str) -> tuple[str, ...]:
        """What must be allowed."""
        of_cluster = (f"Cluster{self.kind}",) if self.scoped else ()
        return tuple(guards.action(kinds.BY_KIND[kind], verb) for kind in (self.kind, *of_cluster))


def _type(word: str, kind: str, *toolsets: str) -> Family:
    """A kind of types, for namespaces and for the cluster."""
    shared = dict.fromkeys((*_READ, SCHEMA), (*toolsets, PE))
    label = word.replace("_", " ")
    return Family(word, kind, label, _ALL, {"": (PE,), **shared}, scoped=True)


def _only(*toolsets: str, **of_verbs: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    return {"": toolsets, **of_verbs}


FAMILIES = (
    Family("namespace", "Namespace", "namespace", (LIST,), _only(NAMESPACE)),
    Family("project", "Project", "project", (LIST, DELETE), _only(PROJECT), "project_name"),
    Family(
        "component",
        "Component",
        "component",
        (*_READ, DELETE),
        _only(COMPONENT),
        "component_name",
        "project_name!",
    ),
    Family(
        "workload",
        "Workload",
        "workload",
        (*_READ, DELETE),
        _only(COMPONENT),
        "workload_name",
        "component_name!",
    ),
    Family(
        "component_release",
        "ComponentRelease",
        "component release",
        (*_READ, DELETE),
        _only(PE, delete=(DEPLOYMENT,)),
        "release_name",
        "component_name!",
        "releases",
    ),
    Family(
        "release_binding",
        "ReleaseBinding",
        "release binding",
        (*_READ, DELETE),
        _only(DEPLOYMENT),
        "binding_name",
        "component_name!",
        "bindings",
    ),
    Family(
        "resource_release",
        "ResourceRelease",
        "resource release",
        (*_READ, DELETE),
        _only(PE, delete=(DEPLOYMENT,)),
        owner="resource_name!",
    ),
    Family(
        "resource_release_binding",
        "ResourceReleaseBinding",
        "resource release binding",
        (*_READ, DELETE),
        _only(DEPLOYMENT),
        owner="resource_name!",
    ),
    Family(
        "project_release",
        "ProjectRelease",
        "project release",
        (*_READ, DELETE),
        _only(PE, delete=(DEPLOYMENT,)),
        owner="project_name!",
    ),
    Family(
        "project_release_binding",
        "ProjectReleaseBinding",
        "project release binding",
        (*_READ, DELETE),
        _only(DEPLOYMENT),
        owner="project_name!",
    ),
    Family(
        "deployment_pipeline",
        "DeploymentPipeline",
        "deployment pipeline",
        (*_READ, DELETE),
        _only(DEPLOYMENT, delete=(PE,)),
    ),
    Family(
        "environment",
        "Environment",
        "environment",
        (LIST, DELETE),
        _only(PE, list=(DEPLOYMENT, PE)),
    ),
    Family(
        "resource",
        "Resource",
        "resource",
        (*_READ, DELETE),
        _only(RESOURCE),
        owner="project_name!",
    ),
    Family("workflow_run", "WorkflowRun", "workflow run", (GET,), _only(BUILD), "run_name"),
    Family(
        "secret_reference",
        "SecretReference",
        "secret reference",
        (*_READ, CREATE, UPDATE, DELETE),
        _only(PE, list=(NAMESPACE, PE), get=(NAMESPACE, PE)),
        "secret_reference_name",
    ),
    Family(
        "dataplane", "DataPlane", "data plane", _READ, _only(PE), key="data_planes", scoped=True
    ),
    Family(
        "workflowplane",
        "WorkflowPlane",
        "workflow plane",
        _READ,
        _only(PE),
        key="workflow_planes",
        scoped=True,
    ),
    Family(
        "observability_plane",
        "ObservabilityPlane",
        "observability plane",
        _READ,
        _only(PE),
        scoped=True,
    ),
    _type("component_type", "ComponentType", COMPONENT),
    _type("trait", "Trait", COMPONENT),
    _type("workflow", "Workflow", BUILD),
    _type("resource_type", "ResourceType", RESOURCE),
    _type("project_type", "ProjectType", PROJECT),
    Family("authz_role", "AuthzRole", "role", (*_READ, *_MANAGED), _only(PE), scoped=True),
    Family(
        "authz_role_binding",
        "AuthzRoleBinding",
        "role binding",
        (*_READ, *_MANAGED),
        _only(PE),
        scoped=True,
    ),
)
