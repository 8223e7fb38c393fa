"""The OpenAPI definitions of builtin kinds, taken from `kubernetes-validate` without its prose."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

VERSION = "1.36"

# Only what these groups and versions need is kept; the package has every alpha version besides.
SERVED = frozenset(
    {
        ("", "v1"),
        ("admissionregistration.k8s.io", "v1"),
        ("apiextensions.k8s.io", "v1"),
        ("apiregistration.k8s.io", "v1"),
        ("apps", "v1"),
        ("authentication.k8s.io", "v1"),
        ("authorization.k8s.io", "v1"),
        ("autoscaling", "v1"),
        ("autoscaling", "v2"),
        ("batch", "v1"),
        ("certificates.k8s.io", "v1"),
        ("coordination.k8s.io", "v1"),
        ("discovery.k8s.io", "v1"),
        ("events.k8s.io", "v1"),
        ("flowcontrol.apiserver.k8s.io", "v1"),
        ("networking.k8s.io", "v1"),
        ("node.k8s.io", "v1"),
        ("policy", "v1"),
        ("rbac.authorization.k8s.io", "v1"),
        ("resource.k8s.io", "v1"),
        ("scheduling.k8s.io", "v1"),
        ("storage.k8s.io", "v1"),
    }
)
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."

# What kube-apiserver publishes for types that have their own JSON form.
_OVERRIDES: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "oneOf": [{"type": "string"}, {"type": "number"}]
    },
    _META + "FieldsV1": {"type": "object"},
    _META + "MicroTime": {"format": "date-time", "type": "string"},
    _META + "Time": {"format": "date-time", "type": "string"},
    _EXTENSIONS + "JSON": {},
    _EXTENSIONS + "JSONSchemaPropsOrArray": {},
    _EXTENSIONS + "JSONSchemaPropsOrBool": {},
    _EXTENSIONS + "JSONSchemaPropsOrStringArray": {},
}
_DROPPED = frozenset({"description", "x-kubernetes-unions"})


def read() -> dict[str, Any]:
    """Definition name → schema, for all that the served kinds need."""
    source = json.loads(_source().read_text(encoding="utf-8"))["$defs"]
    roots = [name for name, schema in source.items() if _is_served(schema)]
    return {name: _compact(name, source[name]) for name in _reachable(sorted(roots), source)}


def _source() -> Path:
    spec = importlib.util.find_spec("kubernetes_validate")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("kubernetes-validate is not installed; it is in the group dev")
    root = Path(spec.origin).parent / "kubernetes-json-schema"
    return root / f"v{VERSION}.0-local" / "_definitions.json"


def _is_served(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("x-kubernetes-group-version-kind") or ()
    return any((kind["group"], kind["version"]) in SERVED for kind in kinds)


def _reachable(roots: Iterable[str], source: Mapping[str, Any]) -> list[str]:
    found: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(_references(source[name]))
    return sorted(found)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield _name(node["$ref"])
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]


def _compact(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    if name in _OVERRIDES:
        return _OVERRIDES[name]
    compact = _node(schema)
    if "x-kubernetes-group-version-kind" in compact:
        for key in ("apiVersion", "kind"):
            compact["properties"].get(key, {}).pop("enum", None)
    return compact


def _node(schema: Mapping[str, Any]) -> dict[str, Any]:
    node = {key: _value(key, value) for key, value in schema.items() if key not in _DROPPED}
    reference = node.get("$ref")
    if reference is not None:
        node["$ref"] = _name(reference)
    return node


def _value(keyword: str, value: Any) -> Any:
    if keyword == "type" and isinstance(value, list):
        # The package adds null everywhere, because clients may send it.
        return next(one for one in value if one != "null")
    if keyword == "properties":
        return {name: _node(schema) for name, schema in value.items()}
    if isinstance(value, dict):
        return _node(value)
    if (
        isinstance(value, list)
        and value
        and isinstance(value[0], dict)
        and re.search("Of$", keyword)
    ):
        return [_node(one) for one in value]
    return value
