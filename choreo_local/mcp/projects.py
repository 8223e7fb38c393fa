"""Tools for namespaces, projects, components and what they run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from choreo_local.errors import BadRequestError, ForbiddenError, NotFoundError
from choreo_local.mcp import generic, shapes
from choreo_local.mcp.arguments import DESCRIBED, Arguments
from choreo_local.mcp.families import COMPONENT, NAMESPACE, PROJECT, RESOURCE
from choreo_local.mcp.generic import Manifest
from choreo_local.mcp.tools import Caller, Tool
from choreo_local.services import kinds
from choreo_local.services.cluster import owner_of

_PROJECT, _COMPONENT = kinds.BY_KIND["Project"], kinds.BY_KIND["Component"]
_WORKLOAD, _RESOURCE = kinds.BY_KIND["Workload"], kinds.BY_KIND["Resource"]
_CAPITAL = re.compile(r"(?<!^)([A-Z])")
_REFERENCES: Mapping[str, Mapping[str, type]] = {
    "traits": {"name": str, "instanceName": str},
    "workflow": {"name": str},
}


async def create_namespace(caller: Caller, given: Arguments) -> Manifest:
    """A namespace for projects."""
    body = {"metadata": {"name": given["name"], **generic.described(given)}}
    return shapes.done(await caller.objects.create(kinds.BY_KIND["Namespace"], body), "created")


async def create_project(caller: Caller, given: Arguments) -> Manifest:
    """A project; what is not given is the default."""
    spec = _pipeline(given)
    if given.get("type_name"):
        kind = given.get("type_kind") or "ClusterProjectType"
        spec["type"] = {"kind": kind, "name": given["type_name"]}
    spec |= _given(given, parameters="parameters")
    return await created(caller, _PROJECT, given, spec)


async def update_project(caller: Caller, given: Arguments) -> Manifest:
    """Another pipeline, or other texts."""

    def change(obj: Manifest) -> None:
        obj["spec"] |= _pipeline(given)

    return await updated(caller, _PROJECT, given, "project_name", change)


async def create_component(caller: Caller, given: Arguments) -> Manifest:
    """A component of a type."""
    spec = {
        "owner": {"projectName": given["project_name"]},
        "componentType": await _component_type(caller, given),
        "autoDeploy": given.get("auto_deploy", True),
        **_given(given, parameters="parameters"),
        **_references(given),
    }
    return await created(caller, _COMPONENT, given, spec)


async def patch_component(caller: Caller, given: Arguments) -> Manifest:
    """Only what is given changes."""

    def change(obj: Manifest) -> None:
        fields = {"autoDeploy": "auto_deploy", "parameters": "parameters"}
        obj["spec"] |= _given(given, **fields) | _references(given)

    return await updated(caller, _COMPONENT, given, "component_name", change, action="patched")


async def create_workload(caller: Caller, given: Arguments) -> Manifest:
    """What a component runs."""
    component = given["component_name"]
    with generic.named("component"):
        found = await caller.objects.get(_COMPONENT, component, given["namespace_name"])
    owner = {"projectName": owner_of(found, "projectName"), "componentName": component}
    spec = {**given["workload_spec"], "owner": owner}
    named = {**given, "name": f"{component}-workload"}
    return await created(caller, _WORKLOAD, named, spec)


async def update_workload(caller: Caller, given: Arguments) -> Manifest:
    """The whole spec but its owner."""

    def change(obj: Manifest) -> None:
        obj["spec"] = {**given["workload_spec"], "owner": obj["spec"].get("owner")}

    return await updated(caller, _WORKLOAD, given, "workload_name", change)


async def workload_schema(caller: Caller, given: Arguments) -> Manifest:
    """What a workload's spec holds."""
    del caller, given
    return generic.spec_schema("Workload")


async def component_schema(caller: Caller, given: Arguments) -> Manifest:
    """What bindings of a component may set."""
    namespace, name = given["namespace_name"], given["component_name"]
    with generic.named("component"):
        await caller.access.check_stored("component:view", _COMPONENT, name, namespace)
        return await caller.services.components.schema(namespace, name)


async def create_resource(caller: Caller, given: Arguments) -> Manifest:
    """A resource, such as a database, of a type."""
    kind = given.get("type_kind") or "ResourceType"
    spec = {
        "owner": {"projectName": given["project_name"]},
        "type": {"kind": kind, "name": given["type_name"]},
        **_given(given, parameters="parameters"),
    }
    return await created(caller, _RESOURCE, given, spec)


async def update_resource(caller: Caller, given: Arguments) -> Manifest:
    """Other parameters, or other texts."""

    def change(obj: Manifest) -> None:
        obj["spec"] |= _given(given, parameters="parameters")

    return await updated(caller, _RESOURCE, given, "name", change)


async def created(
    caller: Caller, kind: kinds.ServedKind, given: Arguments, spec: Mapping[str, Any]
) -> Manifest:
    """A new object in the namespace of a call."""
    metadata = {"name": given["name"], **generic.described(given)}
    body = {"metadata": metadata, "spec": spec}
    return shapes.done(await caller.objects.create(kind, body, given["namespace_name"]), "created")


async def updated(
    caller: Caller,
    kind: kinds.ServedKind,
    given: Arguments,
    name: str,
    change: generic.Change,
    *,
    action: str = "updated",
) -> Manifest:
    """An object after a change; `name` is the argument that names it."""
    place = generic.Place(kind, given[name], given["namespace_name"])
    label = _CAPITAL.sub(r" \1", kind.kind).lower()
    return shapes.done(await generic.changed(caller, place, given, change, label=label), action)


def _given(given: Arguments, **fields: str) -> Manifest:
    """Field of the spec → its value, of those arguments that are given."""
    return {field: given[name] for field, name in fields.items() if name in given}


def _pipeline(given: Arguments) -> Manifest:
    name = given.get("deployment_pipeline")
    return {"deploymentPipelineRef": {"kind": "DeploymentPipeline", "name": name}} if name else {}


def _references(given: Arguments) -> Manifest:
    """Traits and workflow, which have members of their own that must be given."""
    found = {name: given[name] for name in _REFERENCES if name in given}
    for name, value in found.items():
        for entry in value if isinstance(value, list) else [value]:
            for member in _REFERENCES[name]:
                if not isinstance(entry.get(member), str) or not entry[member]:
                    raise BadRequestError(f"{name}: {member} is required")
    return found


async def _component_type(caller: Caller, given: Arguments) -> Manifest:
    """The type that a component names: of its namespace, else of the cluster."""
    name = given["component_type"]
    bare = name.rpartition("/")[2]
    try:
        await caller.objects.get(kinds.BY_KIND["ComponentType"], bare, given["namespace_name"])
    except (NotFoundError, ForbiddenError):
        return {"kind": "ClusterComponentType", "name": name}
    return {"kind": "ComponentType", "name": name}


_IN = "namespace_name!"
TOOLS = (
    Tool(
        "create_namespace",
        "Create a namespace for projects.",
        f"name! {DESCRIBED}",
        ("namespace:create",),
        (NAMESPACE,),
        create_namespace,
    ),
    Tool(
        "create_project",
        "Create a project.",
        f"{_IN} name! description deployment_pipeline type_name type_kind parameters:object",
        ("project:create",),
        (PROJECT,),
        create_project,
    ),
    Tool(
        "update_project",
        "Give a project another deployment pipeline or other texts.",
        f"{_IN} project_name! deployment_pipeline {DESCRIBED}",
        ("project:update",),
        (PROJECT,),
        update_project,
    ),
    Tool(
        "create_component",
        "Create a component; component_type is workload type and name, e.g. deployment/service.",
        f"{_IN} project_name! name! {DESCRIBED} component_type! auto_deploy:bool "
        "parameters:object workflow:object",
        ("component:create",),
        (COMPONENT,),
        create_component,
    ),
    Tool(
        "patch_component",
        "Change some fields of a component; the others stay.",
        f"{_IN} component_name! {DESCRIBED} auto_deploy:bool parameters:object traits:objects "
        "workflow:object",
        ("component:update",),
        (COMPONENT,),
        patch_component,
    ),
    Tool(
        "create_workload",
        "Say what a component runs; get_workload_schema describes workload_spec.",
        f"{_IN} component_name! workload_spec:object!",
        ("workload:create",),
        (COMPONENT,),
        create_workload,
    ),
    Tool(
        "update_workload",
        "Replace what a component runs.",
        f"{_IN} workload_name! workload_spec:object!",
        ("workload:update",),
        (COMPONENT,),
        update_workload,
    ),
    Tool(
        "get_workload_schema",
        "Show what the spec of a workload holds, as a JSON schema.",
        "",
        ("workload:view",),
        (COMPONENT,),
        workload_schema,
    ),
    Tool(
        "get_component_schema",
        "Show what release bindings of a component may set, as a JSON schema.",
        f"{_IN} component_name!",
        ("component:view",),
        (COMPONENT,),
        component_schema,
    ),
    Tool(
        "create_resource",
        "Create a resource, such as a database, of a resource type.",
        f"{_IN} project_name! name! type_name! type_kind {DESCRIBED} parameters:object",
        ("resource:create",),
        (RESOURCE,),
        create_resource,
    ),
    Tool(
        "update_resource",
        "Give a resource other parameters or other texts.",
        f"{_IN} name! {DESCRIBED} parameters:object",
        ("resource:update",),
        (RESOURCE,),
        update_resource,
    ),
)
