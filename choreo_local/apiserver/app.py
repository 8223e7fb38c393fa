"""`create_app`: the OpenChoreo API and our own paths beside it, as one ASGI app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from fastapi import Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from choreo_local.apiserver import problems, security
from choreo_local.apiserver.assistants import route as assistants_route
from choreo_local.apiserver.audit import Audited, AuditLog
from choreo_local.apiserver.routers import (
    authz,
    autobuild,
    board,
    components,
    discovery,
    identity,
    inspection,
    instance,
    k8sresources,
    lifecycle,
    manifests,
    objects,
    secrets,
    shell,
    wirelogs,
    workflowruns,
)
from choreo_local.authz.interfaces import DecisionPoint
from choreo_local.errors import ChoreoError
from choreo_local.identity.claims import SUBJECT_TYPES, SubjectType
from choreo_local.identity.provider import Provider
from choreo_local.identity.remotekeys import ExternalIssuers
from choreo_local.services.assembly import Services

Status = Callable[[], Awaitable[Mapping[str, Any]]]

# The paths of single kinds go before the generic ones.
_ROUTERS = (
    instance.router,
    authz.router,
    board.router,
    lifecycle.router,
    inspection.router,
    k8sresources.router,
    components.router,
    secrets.router,
    workflowruns.router,
    wirelogs.router,
    manifests.router,
    objects.router,
)


def create_app(
    *,
    services: Services,
    authenticate: security.Authenticate,
    decisions: DecisionPoint,
    status: Status,
    provider: Provider | None = None,
    elsewhere: ExternalIssuers | None = None,
    subject_types: Sequence[SubjectType] = SUBJECT_TYPES,
    audit: AuditLog | None = None,
    assistants: ASGIApp | None = None,
    allowed_hosts: Iterable[str] = (),
) -> FastAPI:
    """The app.

    Args:
        services: the use cases.
        authenticate: bearer token → subject; raises UnauthorizedError.
        decisions: what a subject may do.
        status: what `/choreo/v1/status` answers.
        provider: where people and programs sign in; nobody but the owner can without one.
        elsewhere: issuers of tokens besides the provider.
        subject_types: kinds of callers.
        audit: where calls that change something are noted.
        assistants: what answers at `/mcp`.
        allowed_hosts: names besides those of this machine under which the API may be called.
    """
    app = FastAPI(title="OpenChoreo API", openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False
    app.state.services = services
    app.state.authenticate = authenticate
    app.state.decisions = decisions
    app.state.status = status
    app.state.identity = provider
    app.state.elsewhere = elsewhere
    app.state.subject_types = subject_types
    app.include_router(discovery.router)
    app.include_router(autobuild.router)
    app.include_router(shell.router)
    if assistants is not None:
        app.router.routes.append(assistants_route(assistants))
    if provider is not None:
        app.include_router(identity.router)
    for router in _ROUTERS:
        first = [Depends(objects.known)] if router is objects.router else []
        app.include_router(router, dependencies=[*first, Depends(security.authenticated)])
    app.add_exception_handler(ChoreoError, problems.on_domain_error)
    app.add_exception_handler(problems.PlainTextError, problems.on_plain_error)
    app.add_exception_handler(HTTPException, problems.on_http_error)
    app.add_exception_handler(Exception, problems.on_failure)
    if audit is not None:
        app.add_middleware(Audited, log=audit)
    app.add_middleware(security.LocalHosts, allowed=frozenset(allowed_hosts))
    return app
