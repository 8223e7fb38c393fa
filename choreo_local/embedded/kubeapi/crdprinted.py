"""Parts of CustomResourceDefinitions as kube-apiserver prints them in messages. Pure.

Its validation works on types of Go that have no JSON names: messages show the names of their
fields, absent fields included. Used by `crdvalidation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Printer = Callable[[Any], Any]


def versions(given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The versions of a definition; what all have in common stands elsewhere and is left out."""
    shared = {
        name: is_shared(given, name)
        for name in ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
    }
    return [_version(version, shared) for version in given]


def is_shared(given: Sequence[Mapping[str, Any]], field: str) -> bool:
    """Whether all versions say the same, which upstream then keeps once for all of them."""
    found = [version.get(field) for version in given]
    return bool(found) and found[0] is not None and all(one == found[0] for one in found)


def _version(version: Mapping[str, Any], shared: Mapping[str, bool]) -> dict[str, Any]:
    def own(field: str, printer: Printer) -> Any:
        value = version.get(field)
        return None if value is None or shared[field] else printer(value)

    return {
        "Name": version.get("name", ""),
        "Served": bool(version.get("served")),
        "Storage": bool(version.get("storage")),
        "Deprecated": bool(version.get("deprecated")),
        "DeprecationWarning": version.get("deprecationWarning"),
        "Schema": own("schema", _validation),
        "Subresources": own("subresources", _subresources),
        "AdditionalPrinterColumns": own("additionalPrinterColumns", _each(_column)),
        "SelectableFields": own("selectableFields", _each(_selectable)),
    }


def _each(printer: Printer) -> Printer:
    return lambda values: [printer(value) for value in values]


def _validation(value: Mapping[str, Any]) -> dict[str, Any]:
    found = value.get("openAPIV3Schema")
    return {"OpenAPIV3Schema": None if found is None else schema(found)}


def _subresources(value: Mapping[str, Any]) -> dict[str, Any]:
    scale = value.get("scale")
    names = ("specReplicasPath", "statusReplicasPath", "labelSelectorPath")
    return {
        "Status": value.get("status"),
        "Scale": None if scale is None else _renamed(scale, names),
    }


def _column(value: Mapping[str, Any]) -> dict[str, Any]:
    texts = {name: value.get(name, "") for name in ("name", "type", "format", "description")}
    shown = _renamed(texts, tuple(texts))
    return {**shown, "Priority": value.get("priority", 0), "JSONPath": value.get("jsonPath", "")}


def _selectable(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"JSONPath": value.get("jsonPath", "")}


def _renamed(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name[0].upper() + name[1:]: value.get(name) for name in names}


def schema(value: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with all fields that it may have."""
    return {
        go_name: _printed(printer, zero, value.get(json_name))
        for go_name, json_name, zero, printer in _FIELDS
    }


def _printed(printer: Printer | None, zero: Any, value: Any) -> Any:
    if value is None:
        return zero
    return value if printer is None else printer(value)


def _properties(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: schema(child) for name, child in sorted(value.items())}


def _items(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"Schema": schema(value), "JSONSchemas": None}
    return {"Schema": None, "JSONSchemas": [schema(child) for child in value]}


def _allowed(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"Allows": True, "Schema": schema(value)}
    return {"Allows": bool(value), "Schema": None}


def _rule(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Rule": value.get("rule", ""),
        "Message": value.get("message", ""),
        "MessageExpression": value.get("messageExpression", ""),
        "Reason": value.get("reason"),
        "FieldPath": value.get("fieldPath", ""),
        "OptionalOldSelf": value.get("optionalOldSelf"),
    }


def _documentation(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"Description": value.get("description", ""), "URL": value.get("url", "")}


_schemas = _each(schema)
# Go name, JSON name, what is shown of an absent value, and how others are shown.
_FIELDS: tuple[tuple[str, str, Any, Printer | None], ...] = (
    ("ID", "id", "", None),
    ("Schema", "$schema", "", None),
    ("Ref", "$ref", None, None),
    ("Description", "description", "", None),
    ("Type", "type", "", None),
    ("Nullable", "nullable", False, None),
    ("Format", "format", "", None),
    ("Title", "title", "", None),
    ("Default", "default", None, None),
    ("Maximum", "maximum", None, None),
    ("ExclusiveMaximum", "exclusiveMaximum", False, None),
    ("Minimum", "minimum", None, None),
    ("ExclusiveMinimum", "exclusiveMinimum", False, None),
    ("MaxLength", "maxLength", None, None),
    ("MinLength", "minLength", None, None),
    ("Pattern", "pattern", "", None),
    ("MaxItems", "maxItems", None, None),
    ("MinItems", "minItems", None, None),
    ("UniqueItems", "uniqueItems", False, None),
    ("MultipleOf", "multipleOf", None, None),
    ("Enum", "enum", None, None),
    ("MaxProperties", "maxProperties", None, None),
    ("MinProperties", "minProperties", None, None),
    ("Required", "required", None, None),
    ("Items", "items", None, _items),
    ("AllOf", "allOf", None, _schemas),
    ("OneOf", "oneOf", None, _schemas),
    ("AnyOf", "anyOf", None, _schemas),
    ("Not", "not", None, schema),
    ("Properties", "properties", None, _properties),
    ("AdditionalProperties", "additionalProperties", None, _allowed),
    ("PatternProperties", "patternProperties", None, _properties),
    ("Dependencies", "dependencies", None, None),
    ("AdditionalItems", "additionalItems", None, _allowed),
    ("Definitions", "definitions", None, _properties),
    ("ExternalDocs", "externalDocs", None, _documentation),
    ("Example", "example", None, None),
    ("XPreserveUnknownFields", "x-kubernetes-preserve-unknown-fields", None, None),
    ("XEmbeddedResource", "x-kubernetes-embedded-resource", False, None),
    ("XIntOrString", "x-kubernetes-int-or-string", False, None),
    ("XListMapKeys", "x-kubernetes-list-map-keys", None, None),
    ("XListType", "x-kubernetes-list-type", None, None),
    ("XMapType", "x-kubernetes-map-type", None, None),
    ("XValidations", "x-kubernetes-validations", None, _each(_rule)),
)
