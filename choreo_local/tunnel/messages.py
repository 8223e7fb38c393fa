"""The messages of gateway and agent, and their JSON form; used by both ends.

A message is one text frame with one JSON object. Nothing in it says what it is: the reader tells by
the fields that are there, and the rules differ between the ends. Bytes travel as base64.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

Headers = Mapping[str, Sequence[str]]

# What upstream's agents and gateways accept; base64 makes a third more of it, plus headers.
MAX_BODY_BYTES = 10 << 20
MAX_MESSAGE_BYTES = 32 << 20

KUBERNETES = "k8s"
HUBBLE = "hubble"

# Values of `upgradeProto`. The last two are ours, for ends that said they know them.
EXEC = "SPDY/3.1"
FLOWS = "hubble/v1"
HTTP_STREAM = "choreo.http/v1"
WEBSOCKET = "choreo.websocket/v1"

# Value of `streamId` in a chunk that lets the other end send more; the data are decimal digits.
CREDIT = "credit"


class FrameError(ValueError):
    """A text frame that is no message of the protocol."""


@dataclass(frozen=True, slots=True)
class TunnelRequest:
    """One HTTP request for the agent to make.

    Attributes:
        target: which backend of the agent; `k8s` is the kube API.
        gateway_request_id: names the request in logs of both ends.
    """

    request_id: str
    target: str
    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    gateway_request_id: str = ""

    def encode(self) -> bytes:
        """The text frame."""
        content = {"requestID": self.request_id}
        if self.gateway_request_id:
            content["gatewayRequestID"] = self.gateway_request_id
        content |= {"target": self.target, "method": self.method, "path": self.path}
        return _encoded({**content, **_optional(self.query, self.headers, self.body)})


@dataclass(frozen=True, slots=True)
class TunnelResponse:
    """The answer to a request; `error` says why there is none of the backend."""

    request_id: str
    status_code: int
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    error: str = ""

    def encode(self) -> bytes:
        """The text frame."""
        content: dict[str, Any] = {"requestID": self.request_id, "statusCode": self.status_code}
        content |= _optional("", self.headers, self.body)
        if self.error:
            content["error"] = {"message": self.error}
        return _encoded(content)


@dataclass(frozen=True, slots=True)
class StreamInit:
    """The begin of a stream; `upgrade` says what travels on it."""

    request_id: str
    target: str
    method: str
    path: str
    query: str = ""
    headers: Headers = field(default_factory=dict)
    upgrade: str = ""

    def encode(self) -> bytes:
        """The text frame."""
        content: dict[str, Any] = {"requestID": self.request_id, "target": self.target}
        content |= {"method": self.method, "path": self.path}
        content |= _optional(self.query, self.headers, b"")
        content["isUpgrade"] = True
        if self.upgrade:
            content["upgradeProto"] = self.upgrade
        return _encoded(content)


@dataclass(frozen=True, slots=True)
class StreamChunk:
    """A piece of a stream, its end, or both; `data` is None when there is none."""

    request_id: str
    data: bytes | None = None
    stream_id: str = ""
    is_close: bool = False

    def encode(self) -> bytes:
        """The text frame."""
        data = None if self.data is None else base64.b64encode(self.data).decode()
        content: dict[str, Any] = {"requestID": self.request_id, "data": data}
        if self.stream_id:
            content["streamId"] = self.stream_id
        if self.is_close:
            content["isClose"] = True
        return _encoded(content)


def read_at_agent(text: str | bytes) -> TunnelRequest | StreamInit | StreamChunk:
    """What a frame from the gateway means; FrameError when it means nothing."""
    content = _decoded(text)
    request_id = _request_id(content)
    if content.get("isUpgrade") is True:
        return StreamInit(request_id, upgrade=_text(content, "upgradeProto"), **_address(content))
    if _is_chunk(content):
        return _chunk(request_id, content)
    return TunnelRequest(
        request_id,
        body=_bytes(content, "body") or b"",
        gateway_request_id=_text(content, "gatewayRequestID"),
        **_address(content),
    )


def read_at_gateway(text: str | bytes) -> TunnelResponse | StreamChunk:
    """What a frame from an agent means; FrameError when it means nothing."""
    content = _decoded(text)
    request_id = _request_id(content)
    if _is_chunk(content):
        return _chunk(request_id, content)
    status = content.get("statusCode", 0)
    if type(status) is not int or not 100 <= status <= 999:
        raise FrameError(f"statusCode is {status!r}, which is no HTTP status")
    return TunnelResponse(
        request_id,
        status,
        headers=_headers(content),
        body=_bytes(content, "body") or b"",
        error=_error(content.get("error")),
    )


def _is_chunk(content: Mapping[str, Any]) -> bool:
    return content.get("data") is not None or content.get("isClose") is True


def _chunk(request_id: str, content: Mapping[str, Any]) -> StreamChunk:
    return StreamChunk(
        request_id,
        data=_bytes(content, "data"),
        stream_id=_text(content, "streamId"),
        is_close=content.get("isClose") is True,
    )


def _address(content: Mapping[str, Any]) -> dict[str, Any]:
    names = ("target", "method", "path", "query")
    return {**{name: _text(content, name) for name in names}, "headers": _headers(content)}


def _encoded(content: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError as error:
        raise FrameError(f"cannot be written as JSON: {error}") from error


def _optional(query: str, headers: Headers, body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if query:
        found["query"] = query
    if headers:
        found["headers"] = {name: list(values) for name, values in headers.items()}
    if body:
        found["body"] = base64.b64encode(body).decode()
    return found


def _decoded(text: str | bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FrameError(f"it is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise FrameError("it is no JSON object")
    return content


def _request_id(content: Mapping[str, Any]) -> str:
    found = _text(content, "requestID")
    if not found:
        raise FrameError("it has no requestID")
    return found


def _text(content: Mapping[str, Any], name: str) -> str:
    found = content.get(name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise FrameError(f"{name} is no string")
    return found


def _bytes(content: Mapping[str, Any], name: str) -> bytes | None:
    found = content.get(name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise FrameError(f"{name} is no string")
    try:
        return base64.b64decode(found, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FrameError(f"{name} is no base64: {error}") from error


def _headers(content: Mapping[str, Any]) -> Headers:
    found = content.get("headers")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise FrameError("headers is no object")
    return {name: _values(name, values) for name, values in found.items()}


def _values(name: str, values: Any) -> tuple[str, ...]:
    if values is None:
        return ()
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise FrameError(f"header {name[:80]!r} is no list of strings")
    return tuple(values)


def _error(found: Any) -> str:
    """The message of an error; the members beside it are for people who read frames."""
    if found is None:
        return ""
    if not isinstance(found, dict):
        raise FrameError("error is no object")
    return _text(found, "message") or "the agent names no reason"
