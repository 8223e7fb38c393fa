"""Everything that is not a resource: discovery, OpenAPI, health, version."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import orjson

from choreo_local.embedded.kubeapi import answers, discovery, negotiation, openapi, problems
from choreo_local.embedded.kubeapi.messages import JSON, TEXT, Request, Response
from choreo_local.embedded.kubeapi.requests import RequestInfo
from choreo_local.embedded.kubeapi.tokens import ALGORITHM, ISSUER
from choreo_local.errors import NotAcceptableError

if TYPE_CHECKING:
    from choreo_local.embedded.kubeapi.app import KubeApi

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3+choreo",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "cpython",
    "platform": "any",
}
_METRICS = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
_NEVER = "Fri, 31 Dec 2100 23:59:59 GMT"
_KEY_SET = "application/jwk-set+json"
_V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
NOT_FOUND = Response(404, b"404 page not found\n", TEXT)
_UNDOCUMENTED = Response(404, b"", TEXT)
OPENAPI_V2 = "/openapi/v2"
_HEALTH = ("healthz", "livez", "readyz")
_CHECKS = ("ping", "etcd")


def answer(api: KubeApi, request: Request, info: RequestInfo) -> Response:
    """The answer to a request for a path that is no resource."""
    segments = info.segments
    head = segments[0]
    if head in _HEALTH:
        return _health(request, segments)
    if head == "version" and len(segments) == 1:
        return Response(200, orjson.dumps(VERSION))
    if head == "api" and len(segments) <= 2:
        return _discovery(api, request, segments)
    if head == "apis" and len(segments) <= 3:
        return _discovery(api, request, segments)
    if info.path == "/metrics":
        return Response(200, api.telemetry.render(api.core.store), _METRICS)
    if head in ("openid", ".well-known"):
        return _openid(api, request, info.path)
    if head == "openapi":
        return _openapi(api, request, segments)
    if info.path == "/":
        return _json(request, {"paths": _paths(api)})
    if head in ("api", "apis"):
        return unknown(api, info)
    return NOT_FOUND


def unknown(api: KubeApi, info: RequestInfo) -> Response:
    """A path below /api or /apis that leads nowhere."""
    group = info.group or (info.segments[1] if info.segments[0] == "apis" else "")
    if group and not api.registry.has_builtin(group):
        return NOT_FOUND
    raise problems.unknown_resource()


def _json(request: Request, document: Any) -> Response:
    form = negotiation.negotiate(request.header("accept"), transforms=False)
    if form.media_type != JSON:
        return answers.encode(form, document)
    return Response(200, orjson.dumps(document))


def _health(request: Request, segments: list[str]) -> Response:
    if len(segments) > 1:
        known = len(segments) == 2 and segments[1] in _CHECKS
        return Response(200, b"ok", TEXT) if known else NOT_FOUND
    if "verbose" not in request.parameters:
        return Response(200, b"ok", TEXT)
    lines = [f"[+]{check} ok" for check in _CHECKS]
    text = "\n".join([*lines, f"{segments[0]} check passed\n"])
    return Response(200, text.encode(), TEXT)


def _discovery(api: KubeApi, request: Request, segments: list[str]) -> Response:
    # Groups are listed by a part of the real server that does not look at the method.
    if request.method != "GET" and not (segments[0] == "apis" and len(segments) < 3):
        raise problems.method_not_allowed()
    accept = request.header("accept")
    served = api.registry.served()
    if len(segments) == 1:
        core = segments[0] == "api"
        if discovery.is_aggregated_wanted(accept):
            body = orjson.dumps(discovery.aggregated(served, core=core))
            return _cached(request, body, discovery.AGGREGATED_CONTENT_TYPE)
        if core:
            return _json(request, discovery.api_versions(api.options.server_address))
        return _json(request, discovery.api_group_list(served))
    group = "" if segments[0] == "api" else segments[1]
    if segments[0] == "apis" and not group:
        return NOT_FOUND
    if len(segments) == 2 and group:
        document = discovery.api_group(served, group)
        if document is None:
            return NOT_FOUND
        return _json(request, document)
    document = discovery.api_resource_list(served, group, segments[-1])
    if document is None:
        if group and not api.registry.has_builtin(group):
            return NOT_FOUND
        raise problems.unknown_resource()
    return _json(request, document)


def _cached(request: Request, body: bytes, content_type: str) -> Response:
    tag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
    headers = [("Etag", tag), ("Vary", "Accept"), ("Cache-Control", "public")]
    if request.header("if-none-match") == tag:
        return Response(304, b"", content_type, headers)
    return Response(200, body, content_type, headers)


def _paths(api: KubeApi) -> list[str]:
    paths = {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/version"}
    paths |= {OPENAPI_V2, "/openapi/v3", "/.well-known/openid-configuration", "/openid/v1/jwks"}
    for served in api.registry.served():
        if served.kind.group:
            paths |= {f"/apis/{served.kind.group}", served.kind.root}
    return sorted(paths)


def _openid(api: KubeApi, request: Request, path: str) -> Response:
    """What others need to check service-account tokens."""
    if path == "/openid/v1/jwks":
        accept = request.header("accept")
        if not any(kind in accept for kind in ("*/*", "application/*", _KEY_SET)) and accept:
            raise NotAcceptableError(
                f"406: Not Acceptable\n\nAvailable representations: {_KEY_SET}",
                details=problems.GENERIC,
            )
        return Response(200, orjson.dumps(api.tokens.key_set()), _KEY_SET)
    if path != "/.well-known/openid-configuration":
        return NOT_FOUND
    document = {
        "issuer": ISSUER,
        "jwks_uri": f"https://{api.options.server_address}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
    return Response(200, orjson.dumps(document))


async def answer_openapi_v2(api: KubeApi, request: Request) -> Response:
    """The document of version 2, in protobuf for those who ask for that."""
    protobuf = _V2_PROTOBUF in request.header("accept")
    kind = _V2_PROTOBUF.replace("@", ".") if protobuf else JSON
    return _cached(request, await api.openapi_v2(protobuf=protobuf), kind)


def _openapi(api: KubeApi, request: Request, segments: list[str]) -> Response:
    served = api.registry.served()
    if segments == ["openapi", "v3"]:
        return _cached(request, orjson.dumps(openapi.index(served)), TEXT)
    if segments[1:2] != ["v3"]:
        return NOT_FOUND
    if len(segments) not in (4, 5):
        return _UNDOCUMENTED
    group, version = ("", segments[3]) if segments[2] == "api" else (segments[3], segments[-1])
    found = openapi.document_hash(served, group, version)
    if found is None:
        return _UNDOCUMENTED
    wanted = request.parameters.get("hash")
    if wanted is not None and wanted != found:
        location = f"/{'/'.join(segments)}?hash={found}"
        return Response(301, b"", JSON, [("Location", location)])
    headers = [("Etag", f'"{found}"'), ("Vary", "Accept")]
    if wanted is not None:
        # The address changes with the content, so a copy may be kept for ever.
        headers += [("Cache-Control", "public, immutable"), ("Expires", _NEVER)]
    if request.header("if-none-match") == f'"{found}"':
        return Response(304, b"", JSON, headers)
    return Response(200, api.openapi_text(group, version), JSON, headers)
