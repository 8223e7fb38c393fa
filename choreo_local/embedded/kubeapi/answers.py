"""Objects → answers: plain JSON, YAML, Table or metadata only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import yaml

from choreo_local.embedded.kubeapi import tables
from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.messages import Response
from choreo_local.embedded.kubeapi.negotiation import YAML, Form


def one(call: Call, raw: bytes, *, status: int = 200) -> Response:
    """An object of the collection, given as its JSON text."""
    form = call.form
    if form.transform or form.media_type == YAML:
        return value(call, orjson.loads(raw), status=status)
    return Response(status, raw, headers=warning_headers(call.warnings))


def value(call: Call, obj: Manifest, *, status: int = 200) -> Response:
    """An object of the collection, or any other value for the same caller."""
    form = call.form
    if form.transform and obj.get("kind") != "Status":
        obj = transform(call, obj)
    return encode(form, obj, status=status, warnings=call.warnings)


def encode(form: Form, obj: Any, *, status: int = 200, warnings: Sequence[str] = ()) -> Response:
    """Any value in the form that the caller accepts."""
    headers = warning_headers(warnings)
    if form.media_type == YAML:
        return Response(status, to_yaml(obj), YAML, headers)
    return Response(status, orjson.dumps(obj), headers=headers)


def to_yaml(obj: Any) -> bytes:
    """YAML with sorted keys."""
    text: bytes = yaml.dump(
        obj, Dumper=yaml.CSafeDumper, encoding="utf-8", allow_unicode=True, sort_keys=True
    )
    return text


def transform(call: Call, obj: Manifest) -> Manifest:
    """The Table or PartialObjectMetadata of one object."""
    form = call.form
    if form.transform == "Table":
        return table(call, [obj])
    return tables.partial(obj, version=form.version)


def table(
    call: Call, objects: Sequence[Manifest], metadata: Mapping[str, Any] | None = None
) -> Manifest:
    """Objects as rows; `metadata` is that of the list, or of the single object."""
    if metadata is None:
        metadata = {"resourceVersion": objects[0]["metadata"].get("resourceVersion", "")}
    return tables.render(
        call.collection.served,
        objects,
        list_metadata=metadata,
        include_object=call.request.parameters.get("includeObject", ""),
        version=call.form.version,
    )


def warning_headers(warnings: Sequence[str]) -> list[tuple[str, str]]:
    """Warning headers, each text once."""
    return [("Warning", f"299 - {_quote(text)}") for text in dict.fromkeys(warnings)]


def _quote(text: str) -> str:
    clean = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else " " for char in clean) + '"'
