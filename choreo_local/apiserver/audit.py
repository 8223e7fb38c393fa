"""The audit log: one line for every call that changes something or lets somebody in.

Who called, what for, how it was decided and what came of it; never a body, a token or a password.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from choreo_local import clock
from choreo_local.authz.interfaces import DecisionPoint
from choreo_local.authz.types import Decision, Explanation, Hierarchy, Request, Subject

_CONNECT = "CONNECT"
_MUTATING = frozenset({"POST", "PUT", "PATCH", "DELETE", _CONNECT})
_BEGINNINGS = ("http.response.start", "websocket.accept", "websocket.http.response.start")
_SWITCHED = 101
_SIGN_IN = ("/oauth2/", "/device")
# Questions, though they are asked with POST.
_QUESTIONS = ("/api/v1/authz/evaluates",)
_OURS, _APPLY, _DRY_RUN = "/choreo/v1/", "/apply", b"dryRun=true"
_ASSISTANTS, _VIEW = "/mcp", ":view"
_SERVICE = "openchoreo-api"
_CHECKED = "audit_checked"
_LONGEST = 200


class AuditLog:
    """A file to which lines are only added; a full one is kept under another name.

    Args:
        path: of the file; only its owner may read it.
        limit_bytes: when a new file is begun.
        kept: how many full ones are kept.
    """

    def __init__(self, path: Path, *, limit_bytes: int = 10_000_000, kept: int = 5) -> None:
        self._path = path
        self._limit = limit_bytes
        self._kept = kept
        self._descriptor = -1
        self._size = 0

    def append(self, event: Mapping[str, Any]) -> None:
        """Add a line."""
        line = orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
        if self._descriptor < 0 or self._size + len(line) > self._limit:
            self._open()
        self._size += os.write(self._descriptor, line)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self) -> None:
        self.close()
        if self._path.exists() and self._path.stat().st_size + 1 > self._limit // 2:
            self._rotate()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._descriptor = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        names = [self._path, *(self._numbered(number) for number in range(1, self._kept + 1))]
        for older, newer in reversed(list(zip(names[1:], names[:-1], strict=True))):
            if newer.exists():
                newer.replace(older)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


@dataclass(frozen=True, slots=True)
class _Checked:
    """A permission that was asked for."""

    action: str
    path: str
    is_allowed: bool


class Noting:
    """A decision point that notes what is asked of it in the state of a request."""

    def __init__(self, decisions: DecisionPoint, state: dict[str, Any]) -> None:
        self._decisions = decisions
        self._state = state

    @property
    def enabled(self) -> bool:
        """As the one behind."""
        return self._decisions.enabled

    def covers(self, subject: Subject | None, action: str, hierarchy: Hierarchy) -> bool:
        """As the one behind."""
        return self._decisions.covers(subject, action, hierarchy)

    def explain(self, request: Request) -> Explanation:
        """As the one behind."""
        return self._decisions.explain(request)

    def profile(self, subject: Subject, scope: Hierarchy) -> dict[str, Any]:
        """As the one behind."""
        return self._decisions.profile(subject, scope)

    def decide(self, request: Request) -> Decision:
        """Decide and note."""
        decision = self._decisions.decide(request)
        note = _Checked(request.action, request.hierarchy.path, decision.allowed)
        self._state.setdefault(_CHECKED, []).append(note)
        return decision


class Audited:
    """Writes the line when the answer has gone out."""

    def __init__(self, app: ASGIApp, *, log: AuditLog) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; note what came of it where that matters."""
        if scope["type"] not in {"http", "websocket"} or not _concerns(scope):
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        identity, status = clock.new_event_id(), 500
        is_noted = False

        async def noting(message: Message) -> None:
            nonlocal status, is_noted
            if message["type"] in _BEGINNINGS:
                status = message.get("status", _SWITCHED)
                given = message.get("headers") or ()
                message["headers"] = [*given, (b"x-request-id", identity.encode())]
            if message["type"] == "websocket.accept":
                # It may go on for hours, and is to be seen while it does.
                self._log.append(event(scope, status, identity))
                is_noted = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            status = (scope.get("state") or {}).get("outcome", status)
            if not is_noted and not _is_trial(scope, status) and not _is_looking(scope):
                self._log.append(event(scope, status, identity))


def event(scope: Scope, status: int, identity: str) -> dict[str, Any]:
    """The line of a request that was answered with `status`."""
    state = scope.get("state") or {}
    checked: list[_Checked] = state.get(_CHECKED) or []
    client = scope.get("client")
    return {
        "event_id": identity,
        "timestamp": clock.micro_timestamp(),
        "actor": _actor(state.get("subject")),
        "action": _action(checked, scope),
        "category": "auth" if _is_sign_in(scope) else "resource",
        "result": _result(status),
        "request_id": identity,
        "source_ip": client[0] if client else "",
        "service": _SERVICE,
        "resource": _resource(scope, checked),
        "metadata": {
            "method": _method(scope),
            "path": _bounded(scope["path"]),
            "status": status,
            **_persona(scope),
        },
    }


def _concerns(scope: Scope) -> bool:
    path = scope["path"]
    return _method(scope) in _MUTATING and path not in _QUESTIONS


def _is_trial(scope: Scope, status: int) -> bool:
    """Whether a manifest was only tried; who was refused that is noted all the same."""
    if _result(status) == "denied":
        return False
    is_apply = scope["path"].startswith(_OURS) and scope["path"].endswith(_APPLY)
    return is_apply and scope.get("query_string") == _DRY_RUN


def _is_looking(scope: Scope) -> bool:
    """Whether an assistant only looked at something, which it does with POST as well."""
    checked: list[_Checked] = (scope.get("state") or {}).get(_CHECKED) or []
    is_harmless = all(each.is_allowed and each.action.endswith(_VIEW) for each in checked)
    is_known = (scope.get("state") or {}).get("subject") is not None
    return scope["path"] == _ASSISTANTS and is_known and is_harmless


def _method(scope: Scope) -> str:
    """The verb; what is done over a WebSocket may change anything."""
    return _CONNECT if scope["type"] == "websocket" else str(scope["method"])


def _is_sign_in(scope: Scope) -> bool:
    return str(scope["path"]).startswith(_SIGN_IN)


def _actor(subject: Subject | None) -> dict[str, Any]:
    if subject is None:
        return {"type": "anonymous", "id": "", "entitlements": []}
    entitlements = [f"{subject.claim}:{value}" for value in subject.values]
    return {"type": subject.type, "id": subject.id, "entitlements": entitlements}


def _action(checked: Iterable[_Checked], scope: Scope) -> str:
    """What was asked for: the permission that was refused, else the last one."""
    found = list(checked)
    refused = next((each.action for each in found if not each.is_allowed), "")
    return refused or (found[-1].action if found else f"{_method(scope)} {_template(scope)}")


def _template(scope: Scope) -> str:
    route = scope.get("route")
    return str(getattr(route, "path", "")) or _bounded(scope["path"])


def _resource(scope: Scope, checked: Iterable[_Checked]) -> dict[str, str]:
    places = [each.path for each in checked]
    named = {
        name: _bounded(str(value))
        for name, value in (scope.get("path_params") or {}).items()
        if value
    }
    return {**named, **({"scope": places[-1]} if places else {})}


def _persona(scope: Scope) -> dict[str, str]:
    given = next((value for name, value in scope["headers"] if name == b"choreo-as"), b"")
    return {"acting_as": _bounded(given.decode("latin-1"))} if given else {}


def _result(status: int) -> str:
    if status in (401, 403):
        return "denied"
    return "success" if status < 400 else "failure"


def _bounded(text: str) -> str:
    return text[:_LONGEST]
