"""What an agent asks: a kube API, as the agent, whoever the control plane would like to be.

Nothing that a caller of the tunnel sends may say who is asking: the rights of the agent are the
limit of what the control plane can do here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from choreo_local.kubeclient.transport import Transport
from choreo_local.tunnel.messages import KUBERNETES, Headers

# Hop by hop, or about who asks, or set by the client that makes the request.
_LEFT_OUT = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
        "accept-encoding",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    }
)
_LEFT_OUT_PREFIXES = ("impersonate-", "x-remote-", "sec-websocket-")
# A name with a colon or a space in it would become another header on the way.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# The client has unpacked the body already.
_NOT_ANSWERED = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}
)

Backends = Mapping[str, Transport]


def of_kube_api(transport: Transport) -> Backends:
    """The backends of an agent that serves a kube API."""
    return {KUBERNETES: transport}


def request_headers(headers: Headers) -> dict[str, str]:
    """The headers of a tunnelled request that reach the backend."""
    return {name: ", ".join(values) for name, values in headers.items() if _may_pass(name)}


def _may_pass(name: str) -> bool:
    lower = name.lower()
    is_plain = _NAME.fullmatch(name) is not None
    return is_plain and lower not in _LEFT_OUT and not lower.startswith(_LEFT_OUT_PREFIXES)


def response_headers(headers: Mapping[str, str]) -> dict[str, list[str]]:
    """The headers of a backend's answer that go back."""
    return {
        _canonical(name): [value]
        for name, value in headers.items()
        if name.lower() not in _NOT_ANSWERED
    }


def query_pairs(query: str) -> list[tuple[str, str]]:
    """A query as pairs."""
    return parse_qsl(query, keep_blank_values=True, max_num_fields=1000)


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
