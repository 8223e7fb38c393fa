"""Config maps and secrets."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]

_MAX_BYTES = 1024 * 1024
_IMMUTABLE = "field is immutable when `immutable` is set"
_ACCOUNT = "kubernetes.io/service-account.name"
_DOCKER_KEYS = {
    "kubernetes.io/dockercfg": ".dockercfg",
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
}


def validate_map(obj: Manifest) -> Problems:
    """The problems of a config map."""
    texts, binaries = obj.get("data") or {}, obj.get("binaryData") or {}
    for key in texts:
        yield from checks.fits(f"data[{key}]", key, names.config_key)
        if key in binaries:
            yield fielderrors.invalid_value(
                f"data[{key}]", key, "duplicate of key present in binaryData"
            )
    for key in binaries:
        yield from checks.fits(f"binaryData[{key}]", key, names.config_key)
    size = sum(len(text.encode()) for text in texts.values()) + _size(binaries)
    if size > _MAX_BYTES:
        # No field is to blame, and that is how a path without fields is written.
        yield fielderrors.too_long("[]", _MAX_BYTES)


def _size(binaries: Mapping[str, str | None]) -> int:
    return sum(len(_decoded(text)) for text in binaries.values())


def _decoded(text: str | None) -> bytes:
    try:
        return base64.b64decode(text or "")
    except (binascii.Error, ValueError):
        return b""


def validate_map_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed config map."""
    yield from _frozen(new, old, ("data", "binaryData"))
    yield from validate_map(new)


def _frozen(new: Manifest, old: Manifest, fields: tuple[str, ...]) -> Problems:
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        yield fielderrors.forbidden("immutable", _IMMUTABLE)
    for field in fields:
        if (new.get(field) or {}) != (old.get(field) or {}):
            yield fielderrors.forbidden(field, _IMMUTABLE)


def validate_secret(obj: Manifest) -> Problems:
    """The problems of a secret."""
    data = obj.get("data") or {}
    for key in data:
        yield from checks.fits(f"data[{key}]", key, names.config_key)
    if _size(data) > _MAX_BYTES:
        yield fielderrors.too_long("data", _MAX_BYTES)
    type_ = obj.get("type") or ""
    if type_ == "kubernetes.io/service-account-token":
        if not (obj["metadata"].get("annotations") or {}).get(_ACCOUNT):
            yield fielderrors.required(f"metadata.annotations[{_ACCOUNT}]")
    elif type_ in _DOCKER_KEYS:
        yield from _docker(data, _DOCKER_KEYS[type_])
    else:
        for key in _missing_keys(type_, data):
            yield fielderrors.required(f"data[{key}]")


def _docker(data: Mapping[str, str], key: str) -> Problems:
    path = f"data[{key}]"
    if key not in data:
        yield fielderrors.required(path)
        return
    try:
        is_object = isinstance(json.loads(_decoded(data[key])), dict)
        trouble = "" if is_object else "json: cannot unmarshal into Go value of type map"
    except (ValueError, RecursionError) as error:
        trouble = _json_trouble(_decoded(data[key]), error)
    if trouble:
        yield fielderrors.invalid_value(path, "<secret contents redacted>", trouble)


def _json_trouble(data: bytes, error: Exception) -> str:
    text = data.decode("latin-1").lstrip(" \t\r\n")
    if not text:
        return "unexpected end of JSON input"
    if text[0] not in '{["-tfn0123456789':
        return f"invalid character '{text[0]}' looking for beginning of value"
    return str(error)


def _missing_keys(type_: str, data: Mapping[str, str]) -> list[str]:
    if type_ == "kubernetes.io/basic-auth":
        keys = ["username", "password"]
        return keys if not any(key in data for key in keys) else []
    if type_ == "kubernetes.io/ssh-auth":
        return [] if data.get("ssh-privatekey") else ["ssh-privatekey"]
    if type_ == "kubernetes.io/tls":
        return [key for key in ("tls.crt", "tls.key") if key not in data]
    return []


def validate_secret_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed secret."""
    yield from checks.unchanged("type", new.get("type") or "", old.get("type") or "")
    yield from _frozen(new, old, ("data",))
    yield from validate_secret(new)
