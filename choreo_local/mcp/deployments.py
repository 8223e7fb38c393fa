"""Tools for releases, what is bound where, environments and pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.errors import BadRequestError
from choreo_local.mcp import generic, shapes
from choreo_local.mcp.arguments import DESCRIBED, Arguments
from choreo_local.mcp.families import DEPLOYMENT, PE
from choreo_local.mcp.generic import Manifest
from choreo_local.mcp.projects import created, updated
from choreo_local.mcp.tools import Caller, Tool
from choreo_local.services import components, kinds

_RELEASE, _BINDING = kinds.BY_KIND["ComponentRelease"], kinds.BY_KIND["ReleaseBinding"]
_BINDING_FIELDS: Mapping[str, str] = {
    "releaseName": "release_name",
    "state": "release_state",
    "componentTypeEnvironmentConfigs": "component_type_environment_configs",
    "traitEnvironmentConfigs": "trait_environment_configs",
    "workloadOverrides": "workload_overrides",
}
_RESOURCE_FIELDS: Mapping[str, str] = {
    "resourceRelease": "resource_release",
    "retainPolicy": "retain_policy",
    "resourceTypeEnvironmentConfigs": "resource_type_environment_configs",
}
_PROJECT_FIELDS: Mapping[str, str] = {
    "projectRelease": "project_release",
    "environmentConfigs": "environment_configs",
}
_STATES = ("Active", "Undeploy")
_POLICIES = ("Delete", "Retain")
_OVERRIDES: Mapping[str, frozenset[str]] = {
    "env": frozenset({"key", "value"}),
    "files": frozenset({"key", "mountPath", "value"}),
}


async def create_release_binding(caller: Caller, given: Arguments) -> Manifest:
    """Bind a release of a component in an environment."""
    component, environment = given["component_name"], given["environment"]
    spec = {
        "owner": {"projectName": given["project_name"], "componentName": component},
        "environment": environment,
        **_taken(given, _BINDING_FIELDS),
    }
    return await created(caller, _BINDING, {**given, "name": f"{component}-{environment}"}, spec)


async def update_release_binding(caller: Caller, given: Arguments) -> Manifest:
    """Another release, another state or other settings."""
    return await _rebound(caller, "ReleaseBinding", given, _BINDING_FIELDS, "binding_name")


async def create_resource_release_binding(caller: Caller, given: Arguments) -> Manifest:
    """Bind a release of a resource in an environment."""
    owner = {"projectName": given["project_name"], "resourceName": given["resource_name"]}
    fields = _taken(given, _RESOURCE_FIELDS)
    spec = {"owner": owner, "environment": given["environment"], **fields}
    return await created(caller, kinds.BY_KIND["ResourceReleaseBinding"], given, spec)


async def update_resource_release_binding(caller: Caller, given: Arguments) -> Manifest:
    """Another release, or other settings."""
    return await _rebound(caller, "ResourceReleaseBinding", given, _RESOURCE_FIELDS)


async def create_project_release_binding(caller: Caller, given: Arguments) -> Manifest:
    """Bind a release of a project in an environment."""
    owner = {"projectName": given["project_name"]}
    fields = _taken(given, _PROJECT_FIELDS)
    spec = {"owner": owner, "environment": given["environment"], **fields}
    return await created(caller, kinds.BY_KIND["ProjectReleaseBinding"], given, spec)


async def update_project_release_binding(caller: Caller, given: Arguments) -> Manifest:
    """Another release, or other settings."""
    return await _rebound(caller, "ProjectReleaseBinding", given, _PROJECT_FIELDS)


async def create_component_release(caller: Caller, given: Arguments) -> Manifest:
    """Freeze a component as it is now."""
    namespace, name = given["namespace_name"], given["component_name"]
    with generic.named("component"):
        await caller.access.check_stored(
            "componentrelease:create", kinds.BY_KIND["Component"], name, namespace
        )
    found = await caller.services.components.generate_release(
        namespace, name, release_name=given.get("release_name") or None
    )
    return shapes.done(found, "created")


async def create_resource_release(caller: Caller, given: Arguments) -> Manifest:
    """Freeze a resource with a type as it is given."""
    owner = {"projectName": given["project_name"], "resourceName": given["resource_name"]}
    spec = {"owner": owner, "resourceType": _frozen(given, "ResourceType"), **_parameters(given)}
    return await created(caller, kinds.BY_KIND["ResourceRelease"], given, spec)


async def create_project_release(caller: Caller, given: Arguments) -> Manifest:
    """Freeze a project with a type as it is given."""
    owner = {"projectName": given["project_name"]}
    spec = {"owner": owner, "projectType": _frozen(given, "ProjectType"), **_parameters(given)}
    return await created(caller, kinds.BY_KIND["ProjectRelease"], given, spec)


async def component_release_schema(caller: Caller, given: Arguments) -> Manifest:
    """What bindings of a release may set."""
    with generic.named("component release"):
        release = await caller.objects.get(_RELEASE, given["release_name"], given["namespace_name"])
    spec = release["spec"]
    used = (spec.get("componentProfile") or {}).get("traits") or ()
    frozen = {(each.get("kind"), each["name"]): each for each in spec.get("traits") or ()}
    traits = [
        (entry, frozen[entry.get("kind"), entry["name"]])
        for entry in used
        if (entry.get("kind"), entry["name"]) in frozen
    ]
    return components.environment_schema(spec["componentType"], traits)


async def create_environment(caller: Caller, given: Arguments) -> Manifest:
    """An environment on a data plane."""
    reference = {
        "kind": given.get("data_plane_ref_kind") or "DataPlane",
        "name": given["data_plane_ref"],
    }
    spec = {"dataPlaneRef": reference, "isProduction": given.get("is_production", False)}
    return await created(caller, kinds.BY_KIND["Environment"], given, spec)


async def update_environment(caller: Caller, given: Arguments) -> Manifest:
    """Whether it is for production, or other texts."""

    def change(obj: Manifest) -> None:
        obj["spec"] |= _taken(given, {"isProduction": "is_production"})

    return await updated(caller, kinds.BY_KIND["Environment"], given, "name", change)


async def create_deployment_pipeline(caller: Caller, given: Arguments) -> Manifest:
    """The order in which environments follow one another."""
    return await created(caller, kinds.BY_KIND["DeploymentPipeline"], given, _paths(given))


async def update_deployment_pipeline(caller: Caller, given: Arguments) -> Manifest:
    """Another order, or other texts."""

    def change(obj: Manifest) -> None:
        obj["spec"] |= _paths(given)

    return await updated(caller, kinds.BY_KIND["DeploymentPipeline"], given, "name", change)


async def _rebound(
    caller: Caller, kind: str, given: Arguments, fields: Mapping[str, str], name: str = "name"
) -> Manifest:
    taken = _taken(given, fields)

    def change(obj: Manifest) -> None:
        obj["spec"] |= taken

    return await updated(caller, kinds.BY_KIND[kind], given, name, change)


def _taken(given: Arguments, fields: Mapping[str, str]) -> Manifest:
    """Field of the spec → its value, of those arguments that are given."""
    for name, known in (("release_state", _STATES), ("retain_policy", _POLICIES)):
        if given.get(name) and given[name] not in known:
            raise BadRequestError(f"{name} must be one of {', '.join(known)}")
    if "workload_overrides" in given:
        _check_overrides(given["workload_overrides"])
    return {field: given[name] for field, name in fields.items() if name in given}


def _check_overrides(given: Mapping[str, Any]) -> None:
    """Only plain values of the container can be overridden."""
    container = given.get("container", {})
    if set(given) - {"container"} or not isinstance(container, dict):
        raise BadRequestError("workload_overrides holds container alone")
    for part, entries in container.items():
        if part not in _OVERRIDES or not isinstance(entries, list):
            raise BadRequestError("workload_overrides.container holds lists of env and files")
        for entry in entries:
            if not isinstance(entry, dict) or set(entry) - _OVERRIDES[part]:
                known = ", ".join(sorted(_OVERRIDES[part]))
                raise BadRequestError(f"workload_overrides.container.{part} holds {known}")
            if not entry.get("key"):
                raise BadRequestError(f"workload_overrides.container.{part}: key is required")


def _frozen(given: Arguments, kind: str) -> Manifest:
    return {
        "kind": given.get("type_kind") or kind,
        "name": given["type_name"],
        "spec": given["type_spec"],
    }


def _parameters(given: Arguments) -> Manifest:
    return _taken(given, {"parameters": "parameters"})


def _paths(given: Arguments) -> Manifest:
    if "promotion_paths" not in given:
        return {}
    return {
        "promotionPaths": [
            {
                "sourceEnvironmentRef": _environment(path["source_environment_ref"]),
                "targetEnvironmentRefs": [
                    _environment(target["name"]) for target in path["target_environment_refs"]
                ],
            }
            for path in given["promotion_paths"]
        ]
    }


def _environment(name: str) -> Manifest:
    return {"kind": "Environment", "name": name}


_IN = "namespace_name!"
_CONFIGS = "component_type_environment_configs:object trait_environment_configs:object"
_OF_TYPE = "type_name! type_kind type_spec:object! parameters:object"
TOOLS = (
    Tool(
        "create_release_binding",
        "Deploy a release of a component in an environment.",
        f"{_IN} project_name! component_name! environment! release_name! {_CONFIGS} "
        "workload_overrides:object",
        ("releasebinding:create",),
        (DEPLOYMENT,),
        create_release_binding,
    ),
    Tool(
        "update_release_binding",
        "Bind another release, undeploy, or change settings of an environment.",
        f"{_IN} binding_name! release_name release_state {_CONFIGS} workload_overrides:object",
        ("releasebinding:update",),
        (DEPLOYMENT,),
        update_release_binding,
    ),
    Tool(
        "create_resource_release_binding",
        "Deploy a release of a resource in an environment.",
        f"{_IN} name! project_name! resource_name! environment! resource_release retain_policy "
        "resource_type_environment_configs:object",
        ("resourcereleasebinding:create",),
        (DEPLOYMENT,),
        create_resource_release_binding,
    ),
    Tool(
        "update_resource_release_binding",
        "Bind another release of a resource, or change its settings.",
        f"{_IN} name! resource_release retain_policy resource_type_environment_configs:object",
        ("resourcereleasebinding:update",),
        (DEPLOYMENT,),
        update_resource_release_binding,
    ),
    Tool(
        "create_project_release_binding",
        "Deploy a release of a project in an environment.",
        f"{_IN} name! project_name! environment! project_release environment_configs:object",
        ("projectreleasebinding:create",),
        (DEPLOYMENT,),
        create_project_release_binding,
    ),
    Tool(
        "update_project_release_binding",
        "Bind another release of a project, or change its settings.",
        f"{_IN} name! project_release environment_configs:object",
        ("projectreleasebinding:update",),
        (DEPLOYMENT,),
        update_project_release_binding,
    ),
    Tool(
        "create_component_release",
        "Freeze a component as it is now, for deployment.",
        f"{_IN} component_name! release_name",
        ("componentrelease:create",),
        (PE,),
        create_component_release,
    ),
    Tool(
        "create_resource_release",
        "Freeze a resource, for deployment.",
        f"{_IN} name! project_name! resource_name! {_OF_TYPE}",
        ("resourcerelease:create",),
        (PE,),
        create_resource_release,
    ),
    Tool(
        "create_project_release",
        "Freeze a project, for deployment.",
        f"{_IN} name! project_name! {_OF_TYPE}",
        ("projectrelease:create",),
        (PE,),
        create_project_release,
    ),
    Tool(
        "get_component_release_schema",
        "Show what bindings of a release may set, as a JSON schema.",
        f"{_IN} component_name! release_name!",
        ("componentrelease:view",),
        (PE,),
        component_release_schema,
    ),
    Tool(
        "create_environment",
        "Create an environment on a data plane.",
        f"{_IN} name! {DESCRIBED} data_plane_ref! data_plane_ref_kind:plane is_production:bool",
        ("environment:create",),
        (PE,),
        create_environment,
    ),
    Tool(
        "update_environment",
        "Change an environment.",
        f"{_IN} name! {DESCRIBED} is_production:bool",
        ("environment:update",),
        (PE,),
        update_environment,
    ),
    Tool(
        "create_deployment_pipeline",
        "Create a deployment pipeline.",
        f"{_IN} name! {DESCRIBED} promotion_paths:paths",
        ("deploymentpipeline:create",),
        (PE,),
        create_deployment_pipeline,
    ),
    Tool(
        "update_deployment_pipeline",
        "Change a deployment pipeline.",
        f"{_IN} name! {DESCRIBED} promotion_paths:paths",
        ("deploymentpipeline:update",),
        (PE,),
        update_deployment_pipeline,
    ),
)
