"""`/exec/…`: a command in a container of a component, over a WebSocket.

Messages are binary; their first byte says what follows: 0 input, 1 output, 2 errors, 3 a size of
the caller's terminal. An empty piece of input means that there is no more.
"""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter, Request, WebSocket
from starlette.responses import Response

from choreo_local.apiserver import problems, security
from choreo_local.authz.types import Hierarchy
from choreo_local.errors import (
    BadRequestError,
    ChoreoError,
    ForbiddenError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
)
from choreo_local.services import kinds
from choreo_local.services.access import denied
from choreo_local.services.assembly import Services
from choreo_local.services.cluster import owner_of
from choreo_local.services.shells import STDERR, STDIN, Command, Session, size

router = APIRouter()
logger = logging.getLogger(__name__)

_ACTION = "component:exec"
_DENIED = "you do not have permission to exec into this component"
_RESIZE = 3
_FAILED = 1011
_LONGEST = 1024 * 1024
_DEFAULT_COMMAND = ("/bin/sh",)
_PATH = "/exec/namespaces/{namespace}/components/{component}"


async def not_a_socket(request: Request) -> Response:
    """The path without the upgrade that it needs."""
    await security.authenticated(request)
    return problems.text_response("Bad Request: a WebSocket is expected", status=400)


async def execute(websocket: WebSocket, namespace: str, component: str) -> None:
    """Run the command of the query."""
    try:
        await security.authenticated(websocket)
        await _execute(websocket, namespace, component)
    except ChoreoError as error:
        await websocket.send_denial_response(_refusal(error, websocket.url.path))


async def _execute(websocket: WebSocket, namespace: str, component: str) -> None:
    given = websocket.query_params
    services: Services = websocket.app.state.services
    environment = given.get("env") or ""
    access = security.access(websocket)
    try:
        if not environment:
            with access.untold(_ACTION, kinds.BY_KIND["Component"], component, namespace):
                environment = await services.shells.default_environment(namespace, component)
        found = await access.check_component(_ACTION, namespace, component, environment=environment)
    except NotFoundError as error:
        raise BadRequestError(f"failed to resolve component: {error.message}") from error
    if given.get("project") not in {None, "", owner_of(found, "projectName")}:
        raise denied(_ACTION, Hierarchy(namespace))
    command = Command(
        given.getlist("command") or _DEFAULT_COMMAND,
        stdin=given.get("stdin") == "true",
        tty=given.get("tty") == "true",
    )
    opened = services.shells.open(
        found,
        command,
        environment=environment,
        pod=given.get("pod") or "",
        container=given.get("container") or "",
    )
    async with opened as session:
        await websocket.accept()
        await _relay(websocket, session)


async def _relay(websocket: WebSocket, session: Session) -> None:
    """Carry both directions until one of them ends."""
    reading = asyncio.create_task(_read(websocket, session), name="exec input")
    writing = asyncio.create_task(_write(websocket, session), name="exec output")
    try:
        await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (reading, writing):
            task.cancel()
        ended = await asyncio.gather(reading, writing, return_exceptions=True)
    problem = next((error for error in ended if isinstance(error, ChoreoError)), None)
    if problem is not None:
        await _fail(websocket, problem.message)
    elif not writing.cancelled():
        await _close(websocket, session)


async def _read(websocket: WebSocket, session: Session) -> None:
    while (message := await websocket.receive())["type"] != "websocket.disconnect":
        frame = message.get("bytes") or (message.get("text") or "").encode()
        if not frame:
            continue
        channel, data = frame[0], frame[1:]
        if channel == STDIN and data:
            await session.write(data)
        elif channel == STDIN:
            await session.end_input()
        elif channel == _RESIZE:
            await session.resize(*size(data))


async def _write(websocket: WebSocket, session: Session) -> None:
    async for channel, data in session.output():
        for start in range(0, len(data), _LONGEST):
            await websocket.send_bytes(bytes([channel]) + data[start : start + _LONGEST])


async def _close(websocket: WebSocket, session: Session) -> None:
    outcome = session.outcome
    if outcome.exit_code is None:
        await _fail(websocket, outcome.problem)
        return
    await websocket.close(1000, f"exit code {outcome.exit_code}" if outcome.exit_code else None)


async def _fail(websocket: WebSocket, text: str) -> None:
    await websocket.send_bytes(bytes([STDERR]) + f"{text}\n".encode())
    await websocket.close(_FAILED)


def _refusal(error: ChoreoError, path: str) -> Response:
    """What is answered instead of the upgrade, in plain text."""
    if isinstance(error, UnauthorizedError):
        return problems.answer(error, path=path)
    if isinstance(error, ForbiddenError):
        return problems.text_response(_DENIED, status=403, headers=problems.missing(error))
    status = 503 if isinstance(error, UnreachableError) else 400
    return problems.text_response(error.message, status=status)


router.add_api_websocket_route(_PATH, execute)
router.add_api_route(_PATH, not_a_socket, methods=["GET"], response_model=None)
