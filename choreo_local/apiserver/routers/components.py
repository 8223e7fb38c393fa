"""What components have beyond the operations of every kind."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import bodies, guarded, problems
from choreo_local.apiserver.problems import PlainTextError
from choreo_local.services.assembly import Services

router = APIRouter(prefix="/api/v1/namespaces/{namespace}/components/{component}")


async def schema(request: Request, namespace: str, component: str) -> Response:
    """What bindings of the component may set."""
    services: Services = request.app.state.services
    return problems.json_response(await services.components.schema(namespace, component))


async def generate_release(request: Request, namespace: str, component: str) -> Response:
    """Freeze the component."""
    services: Services = request.app.state.services
    body = await bodies.json_object(request, "GenerateReleaseRequest")
    name = body.get("releaseName")
    if name is not None and not isinstance(name, str):
        raise PlainTextError(
            "can't decode JSON body: json: cannot unmarshal into Go struct field "
            "GenerateReleaseRequest.releaseName of type string"
        )
    created = await services.components.generate_release(namespace, component, release_name=name)
    return problems.json_response(created, status=201)


_COMPONENT = "Component"
router.add_api_route(
    "/schema",
    schema,
    methods=["GET", "HEAD"],
    response_model=None,
    dependencies=[guarded.stored("component:view", _COMPONENT, "component")],
)
router.add_api_route(
    "/generate-release",
    generate_release,
    methods=["POST"],
    response_model=None,
    dependencies=[guarded.stored("componentrelease:create", _COMPONENT, "component")],
)
