"""Objects → answers: plain JSON, YAML, protobuf, Table or metadata only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import yaml

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import definitions, problems, protobufwriter, tables
from choreo_local.embedded.kubeapi.core import Call, Manifest
from choreo_local.embedded.kubeapi.messages import JSON, Response
from choreo_local.embedded.kubeapi.negotiation import PROTOBUF, YAML, Form
from choreo_local.errors import ApiError, NotAcceptableError


def one(call: Call, raw: bytes, *, status: int = 200) -> Response:
    """An object of the collection, given as its JSON text."""
    form = call.form
    if form.transform or form.media_type != JSON:
        return value(call, orjson.loads(raw), status=status)
    return Response(status, raw, headers=warning_headers(call.warnings))


def value(call: Call, obj: Manifest, *, status: int = 200) -> Response:
    """An object of the collection, or any other value for the same caller."""
    form = call.form
    if form.transform and obj.get("kind") != "Status":
        _check_single(call, obj)
        obj = transform(call, obj)
    return encode(form, obj, status=status, warnings=call.warnings)


def _check_single(call: Call, obj: Manifest) -> None:
    if call.form.transform == "PartialObjectMetadataList":
        raise NotAcceptableError(
            "you requested PartialObjectMetadataList, but the requested object is not a list"
            f" (*{_go_type(call, str(obj['kind']))})"
        )


def check_list(call: Call) -> None:
    """Refuse a list to those who ask for a single object."""
    if call.form.transform == "PartialObjectMetadata":
        listed = _go_type(call, call.collection.served.list_kind)
        raise NotAcceptableError(
            f"you requested PartialObjectMetadata, but the requested object is a list (*{listed})"
        )


def _go_type(call: Call, kind: str) -> str:
    if call.collection.served.custom:
        many = kind == call.collection.served.list_kind
        return "unstructured.UnstructuredList" if many else "unstructured.Unstructured"
    group = "autoscaling" if kind == "Scale" else call.collection.kind.group
    return definitions.internal_name(GroupVersionKind(group, "", kind))


def encode(form: Form, obj: Any, *, status: int = 200, warnings: Sequence[str] = ()) -> Response:
    """Any value in the form that the caller accepts."""
    headers = warning_headers(warnings)
    if form.media_type == YAML:
        return Response(status, to_yaml(obj), YAML, headers)
    if form.media_type == PROTOBUF:
        return Response(status, _to_protobuf(obj), PROTOBUF, headers)
    return Response(status, orjson.dumps(obj), headers=headers)


def _to_protobuf(obj: Any) -> bytes:
    message = protobufwriter.encode(obj)
    if message is None:
        type_ = "v1.Table" if obj.get("kind") == "Table" else "unstructured.Unstructured"
        raise NotAcceptableError(
            f"object *{type_} does not implement the protobuf marshalling interface and cannot be"
            " encoded to a protobuf message"
        )
    return message


def refusal(error: ApiError, form: Form) -> Response:
    """A failure, in YAML or protobuf for those who accept nothing else."""
    response = problems.to_response(error)
    if form.media_type == YAML:
        response.body, response.content_type = to_yaml(problems.to_status(error)), YAML
    if form.media_type == PROTOBUF:
        message = protobufwriter.encode(problems.to_status(error))
        if message is not None:
            response.body, response.content_type = message, PROTOBUF
    return response


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
