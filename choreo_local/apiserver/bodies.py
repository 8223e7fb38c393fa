"""Read JSON bodies; what cannot be read is refused in plain text, as upstream does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request

from choreo_local.apiserver import jsonwords
from choreo_local.apiserver.problems import PlainTextError

_LIMIT_BYTES = 3 * 1024 * 1024
_TYPE_WORDS = ((bool, "bool"), (str, "string"), (list, "array"), ((int, float), "number"))
# Kinds whose type has another name in upstream's messages.
_TYPE_NAMES = {
    "Resource": "ResourceInstance",
    "ClusterProjectType.spec": "ProjectTypeSpec",
}


async def members(
    request: Request, type_name: str, types: Mapping[str, type[str] | type[dict[str, str]]]
) -> dict[str, Any]:
    """The body as an object with these members and no others; those not given are left out.

    A member of type dict holds texts only.
    """
    content = _decoded(await raw(request))
    if content is not None and not isinstance(content, dict):
        raise _mismatch(content, f"value of type gen.{type_name}")
    found = {name: value for name, value in (content or {}).items() if name in types}
    for name, value in found.items():
        word = "map[string]string" if types[name] is dict else "string"
        if value is not None and not isinstance(value, types[name]):
            raise _mismatch(value, f"struct field {type_name}.{name} of type {word}")
        for text in value.values() if isinstance(value, dict) else ():
            if not isinstance(text, str):
                raise _mismatch(text, f"struct field {type_name}.{name} of type string")
    return {name: value for name, value in found.items() if value is not None}


async def json_object(request: Request, type_name: str) -> dict[str, Any]:
    """The body as an object with `metadata` and `spec` as objects, where they are given."""
    content = _decoded(await raw(request))
    if content is None:
        return {}
    name = _TYPE_NAMES.get(type_name, type_name)
    if not isinstance(content, dict):
        raise _mismatch(content, f"value of type gen.{name}")
    for field, kind in (("metadata", "ObjectMeta"), ("spec", f"{name}Spec")):
        value = content.get(field)
        if value is not None and not isinstance(value, dict):
            kind = _TYPE_NAMES.get(f"{type_name}.{field}", kind)
            raise _mismatch(value, f"struct field {name}.{field} of type gen.{kind}")
    _check_metadata(name, content.get("metadata") or {})
    _check_texts(type_name, name, content.get("spec") or {})
    return content


async def json_objects(request: Request, type_name: str) -> list[dict[str, Any]]:
    """The body as a list of objects."""
    content = _decoded(await raw(request))
    if content is not None and not isinstance(content, list):
        raise _mismatch(content, f"value of type []gen.{type_name}")
    for entry in content or ():
        if not isinstance(entry, dict):
            raise _mismatch(entry, f"value of type gen.{type_name}")
    return content or []


# Texts with a format, for which the schema of a CRD takes lists as well.
_FORMATTED = {"ObservabilityAlertsNotificationChannel": ("webhookConfig", "url")}


def _check_texts(type_name: str, name: str, spec: dict[str, Any]) -> None:
    value: Any = spec
    path = _FORMATTED.get(type_name, ())
    for field in path:
        value = value.get(field) if isinstance(value, dict) else None
    if path and value is not None and not isinstance(value, str):
        raise _mismatch(value, f"struct field {name}.spec.{'.'.join(path)} of type string")


def _check_metadata(name: str, metadata: dict[str, Any]) -> None:
    for field in ("name", "namespace"):
        value = metadata.get(field)
        if value is not None and not isinstance(value, str):
            raise _mismatch(value, f"struct field {name}.metadata.{field} of type string")
    for field in ("labels", "annotations"):
        value = metadata.get(field)
        texts = value.values() if isinstance(value, dict) else ()
        if value is not None and not isinstance(value, dict):
            kind = "map[string]string"
            raise _mismatch(value, f"struct field {name}.metadata.{field} of type {kind}")
        wrong = next((text for text in texts if not isinstance(text, str)), None)
        if wrong is not None:
            raise _mismatch(wrong, f"struct field {name}.metadata.{field} of type string")


async def raw(request: Request, *, limit: int = _LIMIT_BYTES) -> bytes:
    """The body as it came; refused when it has more bytes than `limit`."""
    pieces, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise PlainTextError("request body too large", status=413)
        pieces.append(chunk)
    return b"".join(pieces)


def _decoded(body: bytes) -> Any:
    if not body.strip():
        raise PlainTextError("can't decode JSON body: EOF")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        words = jsonwords.problem(body.decode(errors="replace"))
        raise PlainTextError(f"can't decode JSON body: {words}") from error


def _mismatch(value: Any, what: str) -> PlainTextError:
    word = next((word for types, word in _TYPE_WORDS if isinstance(value, types)), "object")
    return PlainTextError(f"can't decode JSON body: json: cannot unmarshal {word} into Go {what}")
