"""The live Kubernetes objects behind a release binding."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import guarded, paging, problems
from choreo_local.services.assembly import Services
from choreo_local.services.tree import Tree

router = APIRouter(prefix="/api/v1/namespaces/{namespace}/releasebindings/{binding}/k8sresources")


async def tree(request: Request, namespace: str, binding: str) -> Response:
    """All of them."""
    return problems.json_response(await _tree(request).tree(namespace, binding))


async def events(request: Request, namespace: str, binding: str) -> Response:
    """The events of one."""
    found = await _tree(request).events(
        namespace,
        binding,
        group=request.query_params.get("group", ""),
        version=paging.required(request, "version"),
        kind=paging.required(request, "kind"),
        name=paging.required(request, "name"),
    )
    return problems.json_response(found)


async def logs(request: Request, namespace: str, binding: str) -> Response:
    """What a pod of them wrote."""
    found = await _tree(request).logs(
        namespace,
        binding,
        pod=paging.required(request, "podName"),
        container=request.query_params.get("container", ""),
        since_seconds=paging.integer(request, "sinceSeconds"),
    )
    return problems.json_response(found)


def _tree(request: Request) -> Tree:
    services: Services = request.app.state.services
    return services.tree


for _path, _endpoint in (("/tree", tree), ("/events", events), ("/logs", logs)):
    router.add_api_route(
        _path,
        _endpoint,
        methods=["GET", "HEAD"],
        response_model=None,
        dependencies=[guarded.stored("releasebinding:view", "ReleaseBinding", "binding")],
    )
