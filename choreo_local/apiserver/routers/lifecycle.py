"""Promotion, roll-back and the end of a component in an environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiclient import wire
from choreo_local.apiserver import bodies, guarded, paging, problems, security
from choreo_local.errors import BadRequestError, Cause
from choreo_local.services.assembly import Services
from choreo_local.services.moves import UNCHECKED, Expected
from choreo_local.services.releases import Releases

router = APIRouter(prefix="/choreo/v1/namespaces/{namespace}/components/{component}")
# A promotion makes the binding or changes it.
_BINDS = ("releasebinding:create", "releasebinding:update")


async def promotion_plan(request: Request, namespace: str, component: str) -> Response:
    """What promoting would change."""
    plan = await _releases(request).promotion_plan(
        namespace,
        component,
        to=paging.required(request, "to"),
        source=request.query_params.get("from") or None,
        release=request.query_params.get("release") or None,
    )
    return problems.json_response(wire.to_json(plan))


async def promote(request: Request, namespace: str, component: str) -> Response:
    """Promote."""
    body = await bodies.json_object(request, "Promotion")
    to = _text(body, "to")
    if to is None:
        raise _malformed("to", "is required")
    await guarded.check_component(
        security.access(request), _BINDS, namespace, component, environment=to
    )
    binding = await _releases(request).promote(
        namespace,
        component,
        to=to,
        release=_text(body, "release"),
        expect_current=_expected(body),
    )
    return problems.json_response(binding)


async def rollback_plan(request: Request, namespace: str, component: str) -> Response:
    """What going back would change."""
    plan = await _releases(request).rollback_plan(
        namespace, component, environment=paging.required(request, "environment")
    )
    return problems.json_response(wire.to_json(plan))


async def rollback(request: Request, namespace: str, component: str) -> Response:
    """Go back."""
    environment = paging.required(request, "environment")
    body = await bodies.json_object(request, "Rollback")
    binding = await _releases(request).rollback(
        namespace,
        component,
        environment=environment,
        release=_text(body, "release"),
        expect_current=_expected(body),
    )
    return problems.json_response(binding)


async def undeploy(request: Request, namespace: str, component: str) -> Response:
    """Take the component out of an environment."""
    binding = await _releases(request).undeploy(
        namespace, component, environment=paging.required(request, "environment")
    )
    return problems.json_response(binding)


def _releases(request: Request) -> Releases:
    services: Services = request.app.state.services
    return services.releases


def _expected(body: Mapping[str, Any]) -> Expected:
    return _text(body, "expectCurrent") if "expectCurrent" in body else UNCHECKED


def _text(body: Mapping[str, Any], field: str) -> str | None:
    value = body.get(field)
    if value is None or isinstance(value, str):
        return value or None
    raise _malformed(field, "must be a text")


def _malformed(field: str, problem: str) -> BadRequestError:
    cause = Cause("FieldValueInvalid", problem, field)
    return BadRequestError(f"cannot read the request: {field} {problem}", causes=[cause])


# The environment of a promotion is in the body, so the endpoint itself checks.
router.add_api_route("/promotion", promote, methods=["POST"], response_model=None)
for _path, _endpoint, _method, _action, _environment in (
    ("/promotion", promotion_plan, "GET", "releasebinding:view", "to"),
    ("/rollback", rollback_plan, "GET", "releasebinding:view", "environment"),
    ("/rollback", rollback, "POST", "releasebinding:update", "environment"),
    ("/undeploy", undeploy, "POST", "releasebinding:update", "environment"),
):
    router.add_api_route(
        _path,
        _endpoint,
        methods=[_method],
        response_model=None,
        dependencies=[guarded.of_component(_action, environment=_environment)],
    )
