"""The base of all API models, the constraints that pydantic has no word for, and the way from a
model to the structural schema of a CRD.

Used by `common`, the modules of `v1alpha1` and `crds`. What is said here beside pydantic's own
constraints has no effect on parsing: the kube API enforces it, from the generated schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

Schema = dict[str, Any]

_REQUIRED = "x-required"
_RULES = "x-kubernetes-validations"
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_DROPPED = frozenset({"title", "$defs", "$ref", _REQUIRED})


class Model(BaseModel):
    """Base of every API type: camelCase on the wire; fields it does not know are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    def to_dict(self) -> dict[str, Any]:
        """As in a manifest: wire names, nothing that was not given."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


@dataclass(frozen=True, slots=True, eq=False)  # annotations are hashed; a mapping is not
class Keywords:
    """Schema keywords of a field, as annotation metadata."""

    members: Mapping[str, Any]

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the keywords to what pydantic says of the field."""
        schema = handler(core)
        return {**schema, **self.members}


@dataclass(frozen=True, slots=True)
class Rule:
    """A CEL rule of a field or, through `checked_by`, of a whole type."""

    rule: str
    message: str

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the rule to those that the field has."""
        schema = handler(core)
        return {**schema, _RULES: [*schema.get(_RULES, ()), self.as_dict()]}

    def as_dict(self) -> dict[str, str]:
        """As an entry of `x-kubernetes-validations`."""
        return {"rule": self.rule, "message": self.message}


def checked_by(*rules: Rule) -> ConfigDict:
    """Configuration of a model whose instances must satisfy CEL rules."""
    return ConfigDict(json_schema_extra={_RULES: [{**rule.as_dict()} for rule in rules]})


def immutable(path: str) -> Rule:
    """The field keeps the value it was created with."""
    return Rule("self == oldSelf", f"{path} is immutable")


def fixed_at_creation(path: str) -> Rule:
    """As `immutable`, in the words that kinds use for the choice of a type."""
    return Rule("self == oldSelf", f"{path} cannot be changed after creation")


def list_map(*keys: str) -> Keywords:
    """A list whose items are told apart by some of their fields."""
    return Keywords({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)})


LIST_SET = Keywords({"x-kubernetes-list-type": "set"})
ANYTHING = Keywords({_PRESERVE: True})
REQUIRED = Keywords({_REQUIRED: True})  # required in spite of a default
INT32 = Keywords({"format": "int32"})
INT64 = Keywords({"format": "int64"})
DATE_TIME = Keywords({"format": "date-time"})
URI = Keywords({"format": "uri"})
OPEN = ConfigDict(json_schema_extra={_PRESERVE: True})


class _Generator(GenerateJsonSchema):
    """JSON schema as Kubernetes wants it: what may be absent is not therefore nullable."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def structural_schema(model: type[Model]) -> Schema:
    """The structural schema of a model: no references, no titles, no null defaults."""
    raw = model.model_json_schema(by_alias=True, schema_generator=_Generator)
    return _flatten(raw, raw.get("$defs", {}))


def _flatten(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    merged = _resolved(node, definitions)
    schema: Schema = {key: value for key, value in merged.items() if key not in _DROPPED}
    if schema.get("default", ...) is None:
        del schema["default"]
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "description" in schema:
        schema["description"] = " ".join(schema["description"].split())
    _flatten_children(schema, definitions)
    return schema


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """The node with its definition in place; a field's words and rules go before the type's."""
    if "$ref" not in node:
        return node
    definition = _resolved(definitions[node["$ref"].rpartition("/")[2]], definitions)
    rules = [*node.get(_RULES, ()), *definition.get(_RULES, ())]
    return {**definition, **node, **({_RULES: rules} if rules else {})}


def _flatten_children(schema: Schema, definitions: Mapping[str, Any]) -> None:
    properties = schema.pop("properties", None)
    if properties:
        required = {*schema.pop("required", ())}
        required |= {name for name, child in properties.items() if child.get(_REQUIRED)}
        schema["properties"] = {
            name: _flatten(child, definitions) for name, child in sorted(properties.items())
        }
        if required:
            schema["required"] = sorted(required)
    if "items" in schema:
        schema["items"] = _flatten(schema["items"], definitions)
    values = schema.pop("additionalProperties", None)
    if isinstance(values, dict) and values:
        schema["additionalProperties"] = _flatten(values, definitions)
