"""Dependencies of routes that ask for permission before their endpoint runs.

A route without one of these must check by itself; a test knows those that do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from fastapi import Depends, Request

from choreo_local.apiserver import paging, security
from choreo_local.apiserver.problems import PlainTextError
from choreo_local.authz.types import Hierarchy
from choreo_local.errors import NotFoundError
from choreo_local.services import guards, kinds
from choreo_local.services.access import Access

# Set on every guard: the actions it asks for.
ACTIONS = "guarded_actions"

_OF_PROJECT = ("project", "component")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def in_namespace(action: str) -> Any:
    """The action must be allowed in the namespace of the path."""

    async def check(request: Request) -> None:
        security.access(request).check(action, Hierarchy(request.path_params["namespace"]))

    return _dependency(check, action)


def stored(action: str, kind: str, parameter: str) -> Any:
    """The action must be allowed for the object that the path names, which must exist."""

    async def check(request: Request) -> None:
        name, namespace = request.path_params[parameter], request.path_params["namespace"]
        await security.access(request).check_stored(action, kinds.BY_KIND[kind], name, namespace)

    return _dependency(check, action)


def in_environment(action: str) -> Any:
    """The action must be allowed in the environment of the path, for what the query names there."""

    async def check(request: Request) -> None:
        namespace, environment = (
            request.path_params[name] for name in ("namespace", "environment")
        )
        project, component = (request.query_params.get(name) or "" for name in _OF_PROJECT)
        if component and not project:
            raise PlainTextError("component filter requires project filter")
        named = zip(("environment", *_OF_PROJECT), (environment, project, component), strict=True)
        for word, name in named:
            if name and not _LABEL.fullmatch(name):
                raise PlainTextError(f"invalid {word} parameter")
        where = Hierarchy(namespace, project, component)
        access = security.access(request)
        access.check(action, where, guards.environment(environment, namespace))

    return _dependency(check, action)


def of_component(*actions: str, environment: str = "environment") -> Any:
    """The actions must be allowed for the component of the path, there.

    Args:
        actions: all of them.
        environment: the query parameter that says where.
    """

    async def check(request: Request) -> None:
        await check_component(
            security.access(request),
            actions,
            request.path_params["namespace"],
            request.path_params["component"],
            environment=paging.required(request, environment),
        )

    return _dependency(check, *actions)


async def check_component(
    access: Access, actions: Iterable[str], namespace: str, component: str, *, environment: str
) -> None:
    """ForbiddenError unless all actions are allowed for a component in an environment."""
    for action in actions:
        try:
            await access.check_component(action, namespace, component, environment=environment)
        except NotFoundError:
            # The caller may know that it is missing, and the use case says it better.
            return


def _dependency(check: Callable[..., Any], *actions: str) -> Any:
    setattr(check, ACTIONS, actions)
    return Depends(check)
