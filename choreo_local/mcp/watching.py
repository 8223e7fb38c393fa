"""Tools for runs of workflows, live objects of the planes, and permissions."""

from __future__ import annotations

from choreo_local import clock
from choreo_local.api import labels
from choreo_local.errors import BadRequestError, NotFoundError
from choreo_local.mcp import generic, shapes
from choreo_local.mcp.arguments import PAGE, Arguments
from choreo_local.mcp.families import BUILD, PE
from choreo_local.mcp.generic import Manifest
from choreo_local.mcp.tools import Caller, Tool
from choreo_local.rendering import schema
from choreo_local.services import kinds
from choreo_local.services.permissions import Permissions

_RUN, _BINDING = kinds.BY_KIND["WorkflowRun"], kinds.BY_KIND["ReleaseBinding"]
_COMPONENT = kinds.BY_KIND["Component"]
_PAGE_SIZE = 100


async def list_runs(caller: Caller, given: Arguments) -> Manifest:
    """Runs of a namespace, a project or a component."""
    wanted = {labels.PROJECT: "project_name", labels.COMPONENT: "component_name"}
    selector = [f"{label}={given[name]}" for label, name in wanted.items() if given.get(name)]
    page = await caller.objects.page(
        _RUN,
        given["namespace_name"],
        limit=given.get("limit") or _PAGE_SIZE,
        cursor=given.get("cursor") or "",
        label_selector=",".join(selector),
    )
    found: Manifest = {
        "workflow_runs": [shapes.summary("WorkflowRun", each) for each in page.items]
    }
    return {**found, "next_cursor": page.cursor} if page.cursor else found


async def create_run(caller: Caller, given: Arguments) -> Manifest:
    """Run a workflow."""
    namespace, name = given["namespace_name"], given["name"]
    kind, _ = await _workflow(caller, name, namespace)
    parameters = {"parameters": given["parameters"]} if "parameters" in given else {}
    body = {
        "metadata": {"name": f"{name}-run-{clock.random_suffix()}"},
        "spec": {"workflow": {"kind": kind, "name": name, **parameters}},
    }
    return shapes.done(await caller.objects.create(_RUN, body, namespace), "created")


async def trigger_run(caller: Caller, given: Arguments) -> Manifest:
    """Build a component with its own workflow."""
    namespace, name = given["namespace_name"], given["component_name"]
    with generic.named("component"):
        component = await caller.objects.get(_COMPONENT, name, namespace)
    project = component["spec"]["owner"]["projectName"]
    selected = component["spec"].get("workflow")
    if project != given["project_name"] or not selected:
        raise BadRequestError(f'component "{name}" of this project has no workflow')
    parameters = selected.get("parameters") or {}
    if given.get("commit"):
        kind = kinds.BY_KIND[selected.get("kind") or "ClusterWorkflow"]
        place = namespace if kind.resource.namespaced else None
        workflow = await caller.objects.get(kind, selected["name"], place)
        parameters = _with_commit(workflow, parameters, given["commit"])
    body = {
        "metadata": {
            "name": f"{name}-workflow-{clock.random_suffix()}",
            "labels": {labels.PROJECT: project, labels.COMPONENT: name},
        },
        "spec": {"workflow": {**selected, "parameters": parameters}},
    }
    return shapes.done(await caller.objects.create(_RUN, body, namespace), "triggered")


def _with_commit(workflow: Manifest, parameters: Manifest, commit: str) -> Manifest:
    """Parameters of a run with the commit where the workflow wants it."""
    roles = schema.repository_parameters(workflow["spec"].get("parameters"))
    *path, last = roles.get("commit", "").split(".")
    if not last:
        return parameters
    found = dict(parameters)
    inner = found
    for field in path:
        below = inner.get(field)
        inner[field] = dict(below) if isinstance(below, dict) else {}
        inner = inner[field]
    inner[last] = commit
    return found


async def _workflow(caller: Caller, name: str, namespace: str) -> tuple[str, Manifest]:
    """The workflow of a name, of the namespace or else of the cluster."""
    try:
        kind = kinds.BY_KIND["Workflow"]
        return kind.kind, await caller.objects.get(kind, name, namespace)
    except NotFoundError:
        kind = kinds.BY_KIND["ClusterWorkflow"]
        with generic.named("workflow"):
            return kind.kind, await caller.objects.get(kind, name)


async def run_status(caller: Caller, given: Arguments) -> Manifest:
    """How far a run is."""
    with generic.named("workflow run"):
        namespace, name = await _checked_run(caller, given)
        return await caller.services.workflow_runs.status(namespace, name)


async def run_logs(caller: Caller, given: Arguments) -> Manifest:
    """What the steps of a run wrote."""
    with generic.named("workflow run"):
        namespace, name = await _checked_run(caller, given)
        task, since = given.get("task") or "", given.get("since_seconds")
        found = await caller.services.workflow_runs.logs(
            namespace, name, task=task, since_seconds=since
        )
    return {"logs": found}


async def run_events(caller: Caller, given: Arguments) -> Manifest:
    """What happened to the pods of a run."""
    with generic.named("workflow run"):
        namespace, name = await _checked_run(caller, given)
        task = given.get("task") or ""
        found = await caller.services.workflow_runs.events(namespace, name, task=task)
    return {"events": found}


async def _checked_run(caller: Caller, given: Arguments) -> tuple[str, str]:
    namespace, name = given["namespace_name"], given["run_name"]
    await caller.access.check_stored("workflowrun:view", _RUN, name, namespace)
    return namespace, name


async def resource_tree(caller: Caller, given: Arguments) -> Manifest:
    """The live objects of a binding."""
    with generic.named("release binding"):
        namespace, binding = await _checked_binding(caller, given)
        return shapes.tree(await caller.services.tree.tree(namespace, binding))


async def resource_events(caller: Caller, given: Arguments) -> Manifest:
    """The events of a live object."""
    namespace, binding = await _checked_binding(caller, given)
    return await caller.services.tree.events(
        namespace,
        binding,
        group=given["group"],
        version=given["version"],
        kind=given["kind"],
        name=given["resource_name"],
    )


async def resource_logs(caller: Caller, given: Arguments) -> Manifest:
    """What a pod wrote."""
    namespace, binding = await _checked_binding(caller, given)
    await caller.access.check_stored("logs:view", _BINDING, binding, namespace)
    return await caller.services.tree.logs(
        namespace,
        binding,
        pod=given["pod_name"],
        container=given.get("container") or "",
        since_seconds=given.get("since_seconds"),
    )


async def _checked_binding(caller: Caller, given: Arguments) -> tuple[str, str]:
    namespace, binding = given["namespace_name"], given["release_binding_name"]
    with generic.named("release binding"):
        await caller.access.check_stored("releasebinding:view", _BINDING, binding, namespace)
    return namespace, binding


async def evaluate(caller: Caller, given: Arguments) -> Manifest:
    """Decisions ahead of time."""
    return {"decisions": Permissions(caller.access).evaluate(given["requests"])}


async def list_actions(caller: Caller, given: Arguments) -> Manifest:
    """All actions that roles can hold."""
    del given
    return {
        "actions": [
            {("lowest_scope" if name == "lowestScope" else name): each[name] for name in each}
            for each in Permissions(caller.access).catalogue()
        ]
    }


_IN = "namespace_name!"
_OF_BINDING = f"{_IN} release_binding_name!"
TOOLS = (
    Tool(
        "list_workflow_runs",
        "List workflow runs.",
        f"{_IN} project_name component_name {PAGE}",
        ("workflowrun:view",),
        (BUILD,),
        list_runs,
    ),
    Tool(
        "create_workflow_run",
        "Run a workflow; name is the workflow's.",
        f"{_IN} name! parameters:object",
        ("workflowrun:create",),
        (BUILD,),
        create_run,
    ),
    Tool(
        "trigger_workflow_run",
        "Build a component with its own workflow, at a commit if one is given.",
        f"{_IN} project_name! component_name! commit",
        ("workflowrun:create",),
        (BUILD,),
        trigger_run,
    ),
    Tool(
        "get_workflow_run_status",
        "Show how far a workflow run is.",
        f"{_IN} run_name!",
        ("workflowrun:view",),
        (BUILD,),
        run_status,
    ),
    Tool(
        "get_workflow_run_logs",
        "Show what the steps of a workflow run wrote.",
        f"{_IN} run_name! task since_seconds:seconds",
        ("workflowrun:view",),
        (BUILD,),
        run_logs,
    ),
    Tool(
        "get_workflow_run_events",
        "Show what happened to the pods of a workflow run.",
        f"{_IN} run_name! task",
        ("workflowrun:view",),
        (BUILD,),
        run_events,
    ),
    Tool(
        "get_resource_tree",
        "Show the live Kubernetes objects of a release binding.",
        _OF_BINDING,
        ("releasebinding:view",),
        (PE,),
        resource_tree,
    ),
    Tool(
        "get_resource_events",
        "Show the events of a live Kubernetes object of a release binding.",
        f"{_OF_BINDING} group! version! kind! resource_name!",
        ("releasebinding:view",),
        (PE,),
        resource_events,
    ),
    Tool(
        "get_resource_logs",
        "Show what a pod of a release binding wrote.",
        f"{_OF_BINDING} pod_name! container since_seconds:int",
        ("logs:view",),
        (PE,),
        resource_logs,
    ),
    Tool(
        "evaluate_authz",
        "Decide whether subjects may do something.",
        "requests:questions!",
        ("authzrolebinding:view",),
        (PE,),
        evaluate,
    ),
    Tool(
        "list_authz_actions",
        "List all actions that roles can hold.",
        "",
        ("authzrole:view",),
        (PE,),
        list_actions,
    ),
)
