"""`Assistants`: the tools over MCP, as an ASGI app; loaded when the first assistant calls.

The HTTP API has authenticated each request before it comes here, and each call is decided for the
one who sent it, whoever began the session.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
)
from mcp_types import Tool as Shown
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from choreo_local.apiserver import problems, security
from choreo_local.authz import actions
from choreo_local.authz.types import Hierarchy, Subject
from choreo_local.errors import ChoreoError, InternalError
from choreo_local.mcp import arguments, deployments, generic, projects, watching
from choreo_local.mcp.arguments import Arguments
from choreo_local.mcp.tools import Caller, Tool
from choreo_local.services.access import Access
from choreo_local.tasks import TaskGroup

logger = logging.getLogger(__name__)

_NAME, _VERSION = "openchoreo-api", "1.0.0"
_BAD_PARAMS = -32602
_REFUSED = 0
_NO_FILTER = frozenset({"false", "0", "f"})
# A dozen assistants of one person; each session costs a task.
_MOST_SESSIONS = 200
_SPECIAL = (*projects.TOOLS, *deployments.TOOLS, *watching.TOOLS)
TOOLS: Mapping[str, Tool] = {
    tool.name: tool for tool in (*generic.tools(), *generic.deprecated(), *_SPECIAL)
}
_YES = frozenset({"true", "1", "t"})


class Assistants:
    """Serves the tools; `start` before the first request, `stop` in the end."""

    def __init__(self) -> None:
        server: Server[Any] = Server(
            _NAME, version=_VERSION, on_list_tools=_listed, on_call_tool=_called
        )
        self._sessions = StreamableHTTPSessionManager(server, max_sessions=_MOST_SESSIONS)
        self._tasks = TaskGroup("assistants")
        self._ready = asyncio.Event()
        self._ending = asyncio.Event()

    async def start(self) -> None:
        """Return once requests can be served."""
        self._tasks.start(self._run(), name="sessions of assistants")
        await self._ready.wait()

    async def stop(self) -> None:
        """End all sessions."""
        self._ending.set()
        await self._tasks.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request that was authenticated."""
        subject: Subject | None = scope["state"].get("subject")
        # Who did not begin a session cannot go on with it.
        owner = subject.id if subject is not None else ""
        token = AccessToken(token="", client_id=owner, scopes=[], subject=owner)
        await self._sessions.handle_request(
            {**scope, "user": AuthenticatedUser(token)}, receive, send
        )

    async def _run(self) -> None:
        async with self._sessions.run():
            self._ready.set()
            await self._ending.wait()


async def _listed(
    context: ServerRequestContext[Any], params: PaginatedRequestParams | None
) -> ListToolsResult:
    """The tools that the caller may use somewhere."""
    del params
    request = _request(context)
    access = security.access(request)
    wanted = frozenset(filter(None, request.query_params.get("toolsets", "").split(",")))
    is_filtered = request.query_params.get("filterByAuthz", "").lower() not in _NO_FILTER
    held = _held(access, Hierarchy()) if is_filtered else None
    is_whole = request.query_params.get("includeDeprecatedTools", "").lower() in _YES
    known = [tool for tool in TOOLS.values() if is_whole or not tool.replacement]
    shown = [tool for tool in known if not wanted or wanted & set(tool.toolsets)]
    if held is not None:
        shown = [tool for tool in shown if any(_has(held, action) for action in tool.actions)]
    return ListToolsResult(
        tools=[_described(tool) for tool in sorted(shown, key=lambda tool: tool.name)]
    )


def _described(tool: Tool) -> Shown:
    if not tool.replacement:
        return Shown(name=tool.name, description=tool.words, input_schema=tool.schema)
    until = "hidden in v1.2, removed in v1.3"
    note = f'[DEPRECATED — use {tool.replacement} with scope:"cluster"; {until}] '
    meta = {
        "openchoreo.dev/deprecated": True,
        "openchoreo.dev/replacement": {"tool": tool.replacement, "scope": "cluster"},
        "openchoreo.dev/hidden_in": "v1.2",
        "openchoreo.dev/removed_in": "v1.3",
    }
    words = note + tool.words
    return Shown(name=tool.name, description=words, input_schema=tool.schema, _meta=meta)


async def _called(
    context: ServerRequestContext[Any], params: CallToolRequestParams
) -> CallToolResult:
    """The result of a tool, or why there is none."""
    request = _request(context)
    tool = TOOLS.get(params.name)
    if tool is None:
        raise MCPError(_BAD_PARAMS, f'unknown tool "{params.name[:100]}"')
    given = params.arguments or {}
    access = security.access(request)
    _check_permission(tool, given, access)
    problem = arguments.problem(tool.schema, given)
    if problem:
        raise MCPError(_BAD_PARAMS, f'invalid params: validating "arguments": {problem}')
    try:
        exact = arguments.exact(tool.schema, given)
        found = await tool.run(Caller(request.app.state.services, access), exact)
    except ChoreoError as error:
        request.state.outcome = problems.status_of(error)
        return CallToolResult(content=[_text(_words(tool, error))], is_error=True)
    content = [*_warning(tool), _text(orjson.dumps(found).decode())]
    return CallToolResult(content=[*content], structured_content=dict(found))


def _warning(tool: Tool) -> Iterator[TextContent]:
    if tool.replacement:
        instead = f'use {tool.replacement} with scope="cluster"'
        yield _text(f"deprecation_warning: {tool.name} is deprecated; {instead}")


def _check_permission(tool: Tool, given: Arguments, access: Access) -> None:
    """Whether the caller may do it anywhere around; the use case decides about the very place."""
    refusal = f'not authorized to call tool "{tool.name}"'
    if access.subject is None and access.decisions.enabled:
        raise MCPError(_REFUSED, f"{refusal}: no authenticated user")
    action = tool.action(given)
    if not _has(_held(access, _place(given)), action):
        raise MCPError(_REFUSED, f'{refusal}: missing permission "{action}"')


def _place(given: Arguments) -> Hierarchy:
    """Where a call does something, as far as its arguments say; no level without those above."""
    levels = []
    for name in ("namespace_name", "project_name", "component_name"):
        value = given.get(name)
        if not isinstance(value, str) or not value:
            break
        levels.append(value)
    return Hierarchy(*levels)


def _held(access: Access, place: Hierarchy) -> Mapping[str, Any]:
    subject = access.subject or Subject("", "")
    return access.decisions.profile(subject, place)


def _has(held: Mapping[str, Any], action: str) -> bool:
    return any(entry.get("allowed") for entry in _entries(held, action))


def _entries(held: Mapping[str, Any], action: str) -> Iterator[Mapping[str, Any]]:
    yield from (held[name] for name in (action, actions.ANY) if name in held)


def _words(tool: Tool, error: ChoreoError) -> str:
    if isinstance(error, InternalError):
        logger.error("Tool failed tool=%s error=%s", tool.name, error.message, exc_info=error)
        return "Internal server error"
    return f"{error.message}\n{error.remedy}" if error.remedy else error.message


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _request(context: ServerRequestContext[Any]) -> Request:
    request = context.request
    assert isinstance(request, Request), "the transport passes the request on"
    return request
