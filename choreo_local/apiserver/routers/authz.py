"""What may I do: actions, decisions ahead of time, the caller's profile, and why not.

Anybody who is recognised may ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from fastapi import APIRouter, Request
from starlette.responses import Response

from choreo_local.apiserver import bodies, paging, problems, security
from choreo_local.authz import actions
from choreo_local.authz.types import Hierarchy
from choreo_local.errors import BadRequestError
from choreo_local.identity.claims import SubjectType
from choreo_local.services.permissions import Permissions

router = APIRouter()
_LEVELS = ("namespace", "project", "component", "resource")


async def list_actions(request: Request) -> Response:
    """All actions."""
    return problems.json_response(_permissions(request).catalogue())


async def evaluate(request: Request) -> Response:
    """Decisions for a list of questions."""
    questions = await bodies.json_objects(request, "EvaluateRequest")
    return problems.json_response(_permissions(request).evaluate(questions))


async def profile(request: Request) -> Response:
    """Who the caller is and what they may do."""
    return problems.json_response(_permissions(request).profile(_scope(request)))


async def subject_types(request: Request) -> Response:
    """Which kinds of callers there are, and by which claim each is recognised."""
    types: Sequence[SubjectType] = request.app.state.subject_types
    return problems.json_response(
        [
            {
                "type": kind.name,
                "displayName": kind.display_name,
                "priority": kind.priority,
                "authMechanisms": [
                    {
                        "type": "jwt",
                        "entitlement": {"claim": kind.claim, "displayName": kind.claim_name},
                    }
                ],
            }
            for kind in types
        ]
    )


async def explain(request: Request) -> Response:
    """Why the caller, or somebody with an entitlement, may do something or not."""
    query = request.query_params
    found = _permissions(request).explain(
        paging.required(request, "action"),
        _scope(request),
        attributes={name: query[name] for name in actions.ATTRIBUTES if name in query},
        entitlement=_entitlement(query.get("as", "")),
    )
    answer = asdict(found)
    decision = answer.pop("decision")
    return problems.json_response(decision | answer)


def _scope(request: Request) -> Hierarchy:
    return Hierarchy(*(request.query_params.get(level, "") for level in _LEVELS))


def _entitlement(text: str) -> tuple[str, str] | None:
    claim, _, value = text.partition(":")
    if text and not (claim and value):
        raise BadRequestError("cannot read whom it is about: write claim:value, e.g. groups:devs")
    return (claim, value) if text else None


def _permissions(request: Request) -> Permissions:
    return Permissions(security.access(request))


for _path, _endpoint, _methods in (
    ("/api/v1/authz/actions", list_actions, ["GET", "HEAD"]),
    ("/api/v1/authz/evaluates", evaluate, ["POST"]),
    ("/api/v1/authz/profile", profile, ["GET", "HEAD"]),
    ("/api/v1/authn/subject-types", subject_types, ["GET", "HEAD"]),
    ("/choreo/v1/authz/explanation", explain, ["GET"]),
):
    router.add_api_route(_path, _endpoint, methods=_methods, response_model=None)
