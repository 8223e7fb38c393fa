"""What workflow runs and scheduled components have beyond the operations of every kind."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import guarded, paging, problems
from choreo_local.services.assembly import Services

router = APIRouter()
_RUN = "/api/v1/namespaces/{namespace}/workflowruns/{name}"
_BINDING = "/api/v1alpha1/namespaces/{namespace}/releasebindings/{binding}"


async def status(request: Request, namespace: str, name: str) -> Response:
    """How far a run is."""
    return problems.json_response(await _services(request).workflow_runs.status(namespace, name))


async def logs(request: Request, namespace: str, name: str) -> Response:
    """What its steps wrote."""
    found = await _services(request).workflow_runs.logs(
        namespace,
        name,
        task=request.query_params.get("task", ""),
        since_seconds=paging.integer(request, "sinceSeconds"),
    )
    return problems.json_response(found)


async def events(request: Request, namespace: str, name: str) -> Response:
    """What happened to the pods of its steps."""
    task = request.query_params.get("task", "")
    found = await _services(request).workflow_runs.events(namespace, name, task=task)
    return problems.json_response(found)


async def trigger(request: Request, namespace: str, binding: str) -> Response:
    """Run a scheduled component once, now."""
    return problems.json_response(await _services(request).triggers.run_now(namespace, binding))


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


for _path, _endpoint in (("/status", status), ("/logs", logs), ("/events", events)):
    router.add_api_route(
        _RUN + _path,
        _endpoint,
        methods=["GET", "HEAD"],
        response_model=None,
        dependencies=[guarded.stored("workflowrun:view", "WorkflowRun", "name")],
    )
router.add_api_route(
    f"{_BINDING}/trigger",
    trigger,
    methods=["POST"],
    response_model=None,
    dependencies=[guarded.stored("releasebinding:update", "ReleaseBinding", "binding")],
)
