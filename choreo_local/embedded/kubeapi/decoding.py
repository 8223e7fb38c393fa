"""Request bodies → objects of a kind, with field validation. Used by create, update and patch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version
from choreo_local.apimachinery.patch import decoding as godecoding
from choreo_local.embedded.kubeapi import bodies, definitions, problems, strategy, typed
from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.errors import ApiError, BadRequestError

_SCHEME = "pkg/api/legacyscheme/scheme.go:30"
# Types of versions that are served no more, but are still read.
_EARLIER = frozenset({GroupVersionKind("policy", "v1beta1", "Eviction")})
# A message of YAML's strict decoder is not put into the words of JSON's.
_YAML_LINE = re.compile(r"line \d+: key ")


def read_object(call: Call, *, field_validation: str) -> Manifest:
    """The object in the body of a create or update: decoded, shaped and defaulted."""
    collection = call.collection
    body = call.request.body
    try:
        decoded = bodies.decode(call.request.header("content-type"), body, collection.kind.gvk)
    except bodies.BodyError as error:
        raise bodies.unreadable(collection.kind.kind, body, error) from None
    obj: Manifest = {} if decoded.value is None else decoded.value
    _check_is_object(collection, obj, body)
    _check_type(collection, obj, body)
    unknown = shape(collection, obj)
    judge(call, (*decoded.duplicates, *unknown), field_validation=field_validation)
    if collection.served.custom:
        check_custom_identity(collection, obj)
    strategy.apply_defaults(collection, obj)
    strategy.drop_nulls(collection, obj)
    return obj


def _check_is_object(collection: Collection, obj: Any, body: bytes) -> None:
    if isinstance(obj, dict):
        return
    kinds = {str: "string", list: "array", bool: "bool", int: "number", float: "number"}
    what = (
        f"json: cannot unmarshal {kinds.get(type(obj), 'object')} into Go value of type struct"
        ' { APIVersion string "json:\\"apiVersion,omitempty\\"";'
        ' Kind string "json:\\"kind,omitempty\\"" }'
    )
    raise bodies.unreadable(collection.kind.kind, body, bodies.BodyError(what))


def _check_type(collection: Collection, obj: Manifest, body: bytes) -> None:
    """The body is of the kind of the collection; absent parts of the type are filled in."""
    kind = collection.kind
    if why := type_mismatch(obj):
        raise bodies.unreadable(kind.kind, body, bodies.BodyError(why))
    api_version, found = obj.get("apiVersion") or "", obj.get("kind") or ""
    if api_version.count("/") > 1:
        raise problems.bad_request(
            f"the object provided is unrecognized (must be of type {kind.kind}): unexpected"
            f" GroupVersion string: {api_version} ({bodies.excerpt(body)})"
        )
    if collection.served.custom and not found:
        why = f"Object 'Kind' is missing in '{body.decode(errors='replace')}'"
        raise bodies.unrecognized(kind.kind, body, why)
    obj["apiVersion"] = api_version or kind.api_version
    obj["kind"] = found or kind.kind
    if not collection.served.custom:
        if why := wrong_builtin_type(collection, obj):
            raise cannot_handle(collection, obj, why)
        obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
    if obj.get("metadata") is None:
        obj["metadata"] = {}


def check_custom_identity(collection: Collection, obj: Manifest) -> None:
    """Refuse a body of another kind than the custom resource."""
    kind = collection.kind
    api_version, found = obj.get("apiVersion") or "", obj.get("kind") or ""
    if (api_version, found) == (kind.api_version, kind.kind):
        return
    if found != kind.kind:
        cause = fielderrors.invalid_value("kind", found, f"must be {kind.kind}")
        name = str((obj.get("metadata") or {}).get("name") or "")
        raise fielderrors.invalid(found, name, [cause], group=kind.group)
    raise problems.bad_request(
        f"the API version in the data ({api_version}) does not match the expected API version"
        f" ({kind.api_version})"
    )


def wrong_builtin_type(collection: Collection, obj: Manifest) -> str:
    """Why a body is of another kind, as the decoder of the real server says; nothing when not."""
    kind = collection.kind
    api_version, found = obj["apiVersion"], obj["kind"]
    if (api_version, found) == (kind.api_version, kind.kind):
        return ""
    other = GroupVersionKind(*split_api_version(api_version), found)
    if other in _EARLIER and found == kind.kind:
        return ""
    if definitions.compiled(other) is None:
        return f'no kind "{found}" is registered for version "{api_version}" in scheme "{_SCHEME}"'
    try:
        typed.shape(other, dict(obj))
    except ValueError as error:
        return str(error)
    internal = definitions.internal_name(kind.gvk)
    return f"converting ({other.version}.{found}) to ({internal}): unknown conversion"


def type_mismatch(obj: Manifest) -> str:
    """What is wrong with a kind or version that is no text; nothing when both are."""
    for field in ("apiVersion", "kind"):
        value = obj.get(field)
        if value is not None and not isinstance(value, str):
            found = godecoding.kind(value)
            return f"json: cannot unmarshal {found} into Go struct field .{field} of type string"
    return ""


def cannot_handle(collection: Collection, obj: Manifest, why: str) -> BadRequestError:
    """The refusal of a body that does not fit the kind."""
    version = split_api_version(str(obj.get("apiVersion") or collection.kind.api_version))[1]
    found = obj.get("kind") or collection.kind.kind
    return problems.bad_request(
        f'{found} in version "{version}" cannot be handled as a {collection.kind.kind}: {why}'
    )


def shape(collection: Collection, obj: Manifest) -> list[str]:
    """Give an object the shape of its kind, in place; answers the unknown fields."""
    try:
        return strategy.shape(collection, obj)
    except ValueError as error:
        raise cannot_handle(collection, obj, str(error)) from None


def judge(
    call: Call, findings: Sequence[str], *, field_validation: str, patch: bool = False
) -> None:
    """Refuse, warn of or ignore unknown and duplicate fields.

    Args:
        call: gets the warnings.
        findings: duplicates as decoders word them, and paths of unknown fields.
        field_validation: Strict, Warn or Ignore.
        patch: the findings are those of a patched object.
    """
    if not findings or field_validation == "Ignore":
        return
    texts = [_word(finding) for finding in findings]
    if field_validation == "Warn":
        call.warnings.extend(texts)
        return
    raise _strict_error(call, texts, patch=patch)


def check_strict(findings: Sequence[str], *, field_validation: str) -> None:
    """Refuse unknown fields with a ValueError when a patch asks for it."""
    if findings and field_validation == "Strict":
        raise ValueError(f"strict decoding error: {', '.join(map(_word, findings))}")


def _word(finding: str) -> str:
    if finding.startswith("json patch unknown field "):
        return finding
    if _YAML_LINE.match(finding) or " duplicate field " in f" {finding}":
        return finding
    return f'unknown field "{finding}"'


def _strict_error(call: Call, texts: Sequence[str], *, patch: bool) -> ApiError:
    lines = [text for text in texts if _YAML_LINE.match(text)]
    others = [text for text in texts if not _YAML_LINE.match(text)]
    if lines:
        others.insert(0, "yaml: unmarshal errors:" + "".join(f"\n  {line}" for line in lines))
    why = f"strict decoding error: {', '.join(others)}"
    kind = call.collection.kind
    if patch:
        return problems.bad_request(why)
    return cannot_handle(call.collection, {"kind": kind.kind, "apiVersion": kind.api_version}, why)
