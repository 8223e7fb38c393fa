"""The nouns of the command: what upstream's client calls the kinds, and the columns of their lists.

`choreo NOUN list|get|delete` is made of this table (`commands.nouns`); pure data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from choreo_local.api import labels

# What a run is before its controller has said anything.
_PENDING = "Pending"


class Column(NamedTuple):
    """A column of a list, and how an object fills it."""

    name: str
    read: Callable[[Mapping[str, Any]], str]


class Filter(NamedTuple):
    """An option of `list` that chooses by a field; `flag` is its short form, if it has one."""

    name: str
    flag: str = ""


class Noun(NamedTuple):
    """A noun.

    Attributes:
        name: as it is typed.
        kind: that it stands for.
        aliases: other names.
        columns: of its list, between name and age.
        filters: options of its list; the column of one that is given is left out.
        more: further commands: name → (module below cli.commands, attribute).
        deletable: whether there is `delete`.
    """

    name: str
    kind: str
    aliases: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    filters: tuple[Filter, ...] = ()
    more: Mapping[str, tuple[str, str]] = MappingProxyType({})
    deletable: bool = True


def _at(*path: str) -> Callable[[Mapping[str, Any]], str]:
    """Reads the field at a path; "" where there is none."""

    def read(obj: Mapping[str, Any]) -> str:
        found: Any = obj
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, bool):
            return str(found).lower()
        return "" if found is None else str(found)

    return read


def _type(obj: Mapping[str, Any]) -> str:
    return f"{_at('spec', 'type', 'kind')(obj)}/{_at('spec', 'type', 'name')(obj)}"


def _count_of_resources(obj: Mapping[str, Any]) -> str:
    return str(len((obj.get("spec") or {}).get("resources") or ()))


def _data_plane(obj: Mapping[str, Any]) -> str:
    reference = (obj.get("spec") or {}).get("dataPlaneRef") or {}
    return f"{reference.get('kind', '')}/{reference.get('name', '')}" if reference else ""


def _workflow_type(obj: Mapping[str, Any]) -> str:
    given = obj["metadata"].get("labels") or {}
    is_for_components = given.get(labels.WORKFLOW_TYPE) == labels.WORKFLOW_TYPE_COMPONENT
    return "ci" if is_for_components else "generic"


def _reason(condition: str, unless: str = "") -> Callable[[Mapping[str, Any]], str]:
    """Reads the reason of a condition; `unless` there is none."""

    def read(obj: Mapping[str, Any]) -> str:
        conditions: Sequence[Any] = (obj.get("status") or {}).get("conditions") or ()
        found = next((each for each in conditions if each.get("type") == condition), None)
        return str(found.get("reason", "")) if found else unless

    return read


_PROJECT = Filter("project", "-p")
_COMPONENT = Filter("component", "-c")
_RESOURCE = Filter("resource")
_OF_PROJECT = Column("PROJECT", _at("spec", "owner", "projectName"))
_OF_COMPONENT = Column("COMPONENT", _at("spec", "owner", "componentName"))
_OF_RESOURCE = Column("RESOURCE", _at("spec", "owner", "resourceName"))
_TYPE = Column("TYPE", _type)
_ENVIRONMENT = Column("ENVIRONMENT", _at("spec", "environment"))
_READY = Column("STATUS", _reason("Ready"))
_WORKLOAD_TYPE = Column("WORKLOAD TYPE", _at("spec", "workloadType"))
_RETAIN = Column("RETAIN POLICY", _at("spec", "retainPolicy"))
_RESOURCES = Column("RESOURCES", _count_of_resources)
_DESCRIPTION = Column("DESCRIPTION", _at("spec", "description"))

ALL = (
    Noun("namespace", "Namespace", ("ns", "namespaces")),
    Noun(
        "project",
        "Project",
        ("proj", "projects"),
        (_TYPE,),
        more={
            "deploy": ("deploying", "deploy_project"),
            "scaffold": ("scaffolding", "scaffold_project"),
        },
    ),
    Noun(
        "component",
        "Component",
        ("comp", "components"),
        (_OF_PROJECT, Column("TYPE", _at("spec", "componentType", "name"))),
        (_PROJECT,),
        {
            "deploy": ("deploying", "deploy_component"),
            "scaffold": ("scaffolding", "scaffold_component"),
            "logs": ("components", "logs"),
            "exec": ("shell", "execute"),
            "workflow": ("runs", "component_workflow"),
            "workflowrun": ("runs", "component_runs"),
        },
    ),
    Noun(
        "resource",
        "Resource",
        ("resources",),
        (_TYPE, _OF_PROJECT),
        (_PROJECT,),
        {"promote": ("deploying", "promote_resource")},
    ),
    Noun(
        "environment",
        "Environment",
        ("envs", "environments"),
        (
            Column("DATA PLANE", _data_plane),
            Column("PRODUCTION", _at("spec", "isProduction")),
        ),
    ),
    Noun("deploymentpipeline", "DeploymentPipeline", ("deppipe", "deploymentpipelines")),
    Noun(
        "workload",
        "Workload",
        ("wl", "workloads"),
        more={"create": ("gitops", "create_workload")},
    ),
    Noun(
        "componentrelease",
        "ComponentRelease",
        ("cr", "componentreleases"),
        (_OF_COMPONENT,),
        (_PROJECT, _COMPONENT),
        {"generate": ("gitops", "generate_release")},
    ),
    Noun(
        "releasebinding",
        "ReleaseBinding",
        ("rb", "releasebindings"),
        (_ENVIRONMENT, Column("RELEASE", _at("spec", "releaseName")), _READY),
        (_PROJECT, _COMPONENT),
        {"generate": ("gitops", "generate_binding")},
    ),
    Noun(
        "projectrelease",
        "ProjectRelease",
        ("projectreleases",),
        (_OF_PROJECT,),
        (_PROJECT,),
    ),
    Noun(
        "projectreleasebinding",
        "ProjectReleaseBinding",
        ("prb", "projectreleasebindings"),
        (_OF_PROJECT, _ENVIRONMENT, Column("RELEASE", _at("spec", "projectRelease")), _READY),
        (_PROJECT,),
    ),
    Noun(
        "resourcerelease",
        "ResourceRelease",
        ("resourcereleases",),
        (_OF_RESOURCE,),
        (_RESOURCE,),
    ),
    Noun(
        "resourcereleasebinding",
        "ResourceReleaseBinding",
        ("rrb", "resourcereleasebindings"),
        (_OF_RESOURCE, _ENVIRONMENT, Column("RELEASE", _at("spec", "resourceRelease")), _READY),
        (_RESOURCE,),
    ),
    Noun(
        "workflow",
        "Workflow",
        ("wf", "workflows"),
        (Column("TYPE", _workflow_type),),
        more={"run": ("runs", "run_workflow"), "logs": ("runs", "workflow_logs")},
    ),
    Noun(
        "clusterworkflow",
        "ClusterWorkflow",
        ("clusterworkflows",),
        more={"run": ("runs", "run_cluster_workflow"), "logs": ("runs", "workflow_logs")},
    ),
    Noun(
        "workflowrun",
        "WorkflowRun",
        ("wr", "workflowruns"),
        (
            Column("WORKFLOW", _at("spec", "workflow", "name")),
            Column("STATUS", _reason("WorkflowCompleted", _PENDING)),
        ),
        (Filter("workflow"),),
        {"logs": ("runs", "run_logs")},
        deletable=False,
    ),
    Noun("componenttype", "ComponentType", ("ct", "componenttypes"), (_WORKLOAD_TYPE,)),
    Noun(
        "clustercomponenttype",
        "ClusterComponentType",
        ("cct", "clustercomponenttypes"),
        (_WORKLOAD_TYPE,),
    ),
    Noun("trait", "Trait", ("traits",)),
    Noun("clustertrait", "ClusterTrait", ("clustertraits",)),
    Noun("projecttype", "ProjectType", ("pt", "projecttypes"), (_RESOURCES,)),
    Noun(
        "clusterprojecttype",
        "ClusterProjectType",
        ("cpt", "clusterprojecttypes"),
        (_RESOURCES,),
    ),
    Noun("resourcetype", "ResourceType", ("rt", "resourcetypes"), (_RETAIN,)),
    Noun(
        "clusterresourcetype",
        "ClusterResourceType",
        ("crt", "clusterresourcetypes"),
        (_RETAIN,),
    ),
    Noun("dataplane", "DataPlane", ("dp", "dataplanes")),
    Noun("clusterdataplane", "ClusterDataPlane", ("cdp", "clusterdataplanes")),
    Noun("workflowplane", "WorkflowPlane", ("wp", "workflowplanes")),
    Noun("clusterworkflowplane", "ClusterWorkflowPlane", ("cwp", "clusterworkflowplanes")),
    Noun("observabilityplane", "ObservabilityPlane", ("op", "observabilityplanes")),
    Noun(
        "clusterobservabilityplane",
        "ClusterObservabilityPlane",
        ("cop", "clusterobservabilityplanes"),
    ),
    Noun(
        "observabilityalertsnotificationchannel",
        "ObservabilityAlertsNotificationChannel",
        ("oanc", "obsnotificationchannel", "observabilityalertsnotificationchannels"),
    ),
    Noun(
        "secretreference",
        "SecretReference",
        ("sr", "secretref", "secretreferences"),
    ),
    Noun("authzrole", "AuthzRole", ("ar", "authzroles"), (_DESCRIPTION,)),
    Noun("authzrolebinding", "AuthzRoleBinding", ("arb", "authzrolebindings")),
    Noun(
        "clusterauthzrole",
        "ClusterAuthzRole",
        ("car", "clusterauthzroles"),
        (_DESCRIPTION,),
    ),
    Noun(
        "clusterauthzrolebinding",
        "ClusterAuthzRoleBinding",
        ("carb", "clusterauthzrolebindings"),
    ),
)

BY_NAME: Mapping[str, Noun] = {name: noun for noun in ALL for name in (noun.name, *noun.aliases)}
NAMES = tuple(noun.name for noun in ALL)
