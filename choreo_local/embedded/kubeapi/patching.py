"""patch: JSON, merge and strategic merge patches, and server-side apply."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from choreo_local.apimachinery import fielderrors, gotext
from choreo_local.apimachinery.gvk import GroupVersionKind, split_api_version
from choreo_local.apimachinery.patch import json_patch, merge_patch, strategic
from choreo_local.embedded.kubeapi import (
    bodies,
    decoding,
    definitions,
    metadata,
    problems,
    strategy,
    writing,
)
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.options import WriteOptions, read_write
from choreo_local.embedded.kubeapi.ownership import AppliedOwnership
from choreo_local.errors import ApiError, UnsupportedMediaTypeError

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_BUILTIN = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)
_CUSTOM = (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)


async def patch(core: Core, call: Call) -> Response:
    """PATCH of an object or of a subresource that has the shape of its object."""
    kind = patch_type(call)
    options = read_write(call.request, "PatchOptions", apply=kind == APPLY_PATCH)
    if kind == APPLY_PATCH:
        return await _apply(core, call, options)
    document = read_patch(call, kind, options)

    async def make(old: Manifest | None) -> Manifest:
        if old is None:
            raise problems.not_found(call.collection.kind, call.name)
        return patched(call, old, document, kind=kind, options=options)

    return await writing.change(core, call, make, options, creates=False)


def patch_type(call: Call) -> str:
    """The content type of a patch; 415 when it is none, or none that the kind can take."""
    kind = call.request.header("content-type").partition(";")[0].strip()
    if kind not in _BUILTIN:
        raise UnsupportedMediaTypeError("415: Unsupported Media Type", details=problems.GENERIC)
    if kind == STRATEGIC_PATCH and call.collection.served.custom:
        raise problems.unknown_body_format(*_CUSTOM)
    return kind


def read_patch(call: Call, kind: str, options: WriteOptions) -> Any:
    """The patch document."""
    try:
        decoded = bodies.decode_json(call.request.body)
    except bodies.BodyError as error:
        prefix = "" if kind == STRATEGIC_PATCH else "error decoding patch: "
        raise problems.bad_request(f"{prefix}{error}") from None
    prefix = "json patch " if kind == JSON_PATCH else ""
    findings = [f"{prefix}{finding}" for finding in decoded.duplicates]
    decoding.judge(call, findings, field_validation=options.field_validation, patch=True)
    return decoded.value


def patched(
    call: Call, old: Manifest, document: Any, *, kind: str, options: WriteOptions
) -> Manifest:
    """The object after the patch, shaped like its kind."""
    new = apply_document(call, old, document, kind)
    if not isinstance(new, dict):
        raise problems.bad_request("the patched object is not an object")
    if why := decoding.type_mismatch(new):
        raise undecodable(new, f"couldn't get version/kind; json parse error: {why}")
    if kind == STRATEGIC_PATCH:
        # What such a patch is applied to has no type of its own that it could change.
        new["apiVersion"], new["kind"] = old["apiVersion"], old["kind"]
    _check_identity(call, new, old)
    findings = _unknown_members(document) if kind == JSON_PATCH else []
    strategic_document = document if kind == STRATEGIC_PATCH else None
    with _telling(new, strategic_document):
        findings += strategy.shape(call.collection, new)
        decoding.check_strict(findings, field_validation=options.field_validation)
    if not isinstance(new.get("metadata"), dict):
        new["metadata"] = {}
    metadata.check_changed(call, new)
    decoding.judge(call, findings, field_validation=options.field_validation, patch=True)
    strategy.apply_defaults(call.collection, new)
    strategy.drop_nulls(call.collection, new)
    return new


@contextmanager
def _telling(new: Manifest, strategic_document: Any) -> Iterator[None]:
    """Refuse what cannot be decoded, with the patched object or the strategic patch."""
    text = orjson.dumps(new, option=orjson.OPT_SORT_KEYS).decode()
    try:
        yield
    except ValueError as error:
        why = str(error)
        if strategic_document is not None:
            text, why = gotext.plain(strategic_document), _restoring(why)
        raise _invalid_patch(text, why) from None


def undecodable(new: Manifest, why: str) -> ApiError:
    """The refusal of a patch after which the object cannot be decoded."""
    return _invalid_patch(orjson.dumps(new, option=orjson.OPT_SORT_KEYS).decode(), why)


def _invalid_patch(text: str, why: str) -> ApiError:
    return fielderrors.invalid("", "", [fielderrors.invalid_value("patch", text, why)])


_MEMBERS = ("op", "path", "from", "value")


def _unknown_members(operations: Any) -> list[str]:
    return [
        f'json patch unknown field "[{position}].{name}"'
        for position, operation in enumerate(operations)
        for name in operation
        if name not in _MEMBERS
    ]


_MISMATCH = re.compile(r"json: cannot unmarshal (\w+)(?: \S+)? into Go .* of type (\S+)")
_GO_KINDS = {"array": "slice", "object": "map", "number": "int64"}


def _restoring(why: str) -> str:
    """A mismatch in the words of the decoder that strategic merge patches go through."""
    found = _MISMATCH.fullmatch(why)
    if found is None:
        return why
    kind, wanted = _GO_KINDS.get(found[1], found[1]), found[2]
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind}"
    if wanted.startswith("map["):
        return f"cannot restore map from {kind}"
    if "." in wanted:
        return f"cannot restore struct from: {kind}"
    return f"unrecognized type: {wanted}"


def apply_document(call: Call, old: Manifest, document: Any, kind: str) -> Any:
    """The object after a patch that is not an apply, whatever has become of it."""
    if kind == JSON_PATCH:
        return json_patch.apply(old, document)
    if kind == MERGE_PATCH:
        return merge_patch.apply(old, document)
    return strategic.apply(old, document, call.collection.served.schema)


def _check_identity(call: Call, new: Manifest, old: Manifest) -> None:
    collection = call.collection
    if collection.served.custom:
        _check_custom_type(new)
    for field in ("apiVersion", "kind"):
        new[field] = new.get(field) or old[field]
    if not collection.served.custom:
        if why := decoding.wrong_builtin_type(collection, new):
            raise undecodable(new, why)
        new["apiVersion"], new["kind"] = collection.kind.api_version, collection.kind.kind


def _check_custom_type(new: Manifest) -> None:
    if not new.get("kind"):
        text = orjson.dumps(new, option=orjson.OPT_SORT_KEYS).decode()
        raise undecodable(new, f"Object 'Kind' is missing in '{text}'")
    if not new.get("apiVersion"):
        raise problems.internal(
            "Object 'apiVersion' is missing in 'object has no apiVersion field'"
        )


async def _apply(core: Core, call: Call, options: WriteOptions) -> Response:
    applied = read_applied(call, options)
    ownership = AppliedOwnership.of_apply(call, options, applied)

    async def make(old: Manifest | None) -> Manifest:
        merged = ownership.merge(old)
        decoding.shape(call.collection, merged)
        strategy.apply_defaults(call.collection, merged)
        if old is None:
            merged["metadata"].pop("resourceVersion", None)
        metadata.check_changed(call, merged)
        return merged

    return await writing.change(
        core, call, make, options, ownership=ownership, creates=not call.subresource
    )


def read_applied(call: Call, options: WriteOptions) -> Manifest:
    """The document of an apply patch."""
    try:
        decoded = bodies.decode_applied(call.request.body)
    except bodies.BodyError as error:
        why = f"error decoding YAML: error converting YAML to JSON: {error}"
        raise problems.bad_request(why) from None
    if decoded.duplicates and options.field_validation == "Strict":
        lines = "".join(f"\n  {line}" for line in decoded.duplicates)
        raise problems.bad_request(
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal"
            f" errors:{lines}"
        )
    if decoded.duplicates and options.field_validation == "Warn":
        call.warnings.extend(decoded.duplicates)
    applied = decoded.value
    if applied is None:
        applied = {}
    if not isinstance(applied, dict):
        kind = "array" if isinstance(applied, list) else "string"
        raise problems.bad_request(
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot"
            f" unmarshal {kind} into Go value of type map[string]interface {{}}"
        )
    _check_applied_type(call, applied)
    if "metadata" in applied and applied["metadata"] is None:
        raise problems.bad_request(
            f"the name of the object ({call.name} based on URL) was undeterminable: name must be"
            " provided"
        )
    return applied


def _check_applied_type(call: Call, applied: Manifest) -> None:
    api_version, kind = str(applied.get("apiVersion") or ""), str(applied.get("kind") or "")
    named = GroupVersionKind(*split_api_version(api_version), kind)
    if not api_version or not kind:
        raise problems.bad_request(f"invalid object type: {named}")
    expected = call.collection.kind
    if call.subresource == "scale" or named == expected.gvk:
        return
    is_known = call.collection.served.custom or definitions.compiled(named) is not None
    if kind != expected.kind or not is_known:
        raise problems.bad_request(f"invalid object type: {named}")
    raise problems.bad_request(
        f"Incorrect version specified in apply patch. Specified patch version: {api_version},"
        f" expected: {expected.api_version}"
    )
