"""Values as kube-apiserver prints them in messages: in the words of its internal types.

Its validation works on types that have no JSON names, so messages that repeat a structure show the
names of Go fields, absent fields included.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.kubeapi import definitions, quantity
from choreo_local.embedded.kubeapi.validation import checks

Object = Mapping[str, Any]

_SECURITY = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")


def difference(type_: str, old: Any, new: Any) -> str:
    """The lines that differ between two values of an internal type, with some around them."""
    before, after = (
        json.dumps(internal(type_, value), indent=1, ensure_ascii=False).splitlines(keepends=True)
        for value in (old, new)
    )
    # The real one ends each line and shows no names of files.
    lines = [line if line.endswith("\n") else f"{line}\n" for line in before]
    others = [line if line.endswith("\n") else f"{line}\n" for line in after]
    shown = list(difflib.unified_diff(lines, others, n=3))
    return "".join(shown[2:])


def internal(type_: str, value: Any) -> Any:
    """A value of the served version in the shape of an internal type, e.g. `core.PodSpec`."""
    return _value(type_, value)


def _value(type_: str, value: Any) -> Any:
    if type_.startswith("*"):
        return None if value is None else _value(type_[1:], value)
    if type_.startswith("[]") and type_ != "[]byte":
        if value is None:
            return None
        return [_value(type_[2:], item) for item in value]
    if type_.startswith("map["):
        element = type_.partition("]")[2]
        if value is None:
            return None
        return {key: _value(element, item) for key, item in sorted(value.items())}
    fields = definitions.internal_types().get(type_)
    if isinstance(fields, str):
        return _value(fields, value)
    if fields is None:
        return _leaf(type_, value)
    return _struct(type_, fields, value or {})


def _struct(type_: str, fields: list[list[str]], value: Object) -> dict[str, Any]:
    if type_ == "core.PodSpec":
        value = _with_host_settings(value)
    shown: dict[str, Any] = {}
    for go_name, json_name, field_type in fields:
        if go_name:
            shown[go_name] = _value(field_type, value.get(json_name))
        elif field_type == "meta.ObjectMeta":
            shown.update(value.get("metadata") or {})
        elif field_type != "meta.TypeMeta":
            shown.update(_value(field_type, value))
    return shown


def _with_host_settings(spec: Object) -> Object:
    """Internally, what a pod shares with its host is part of the security context."""
    context = {**(spec.get("securityContext") or {})}
    for field in _SECURITY:
        if spec.get(field) is not None:
            context[field] = spec[field]
    return {**spec, "securityContext": context if spec.get("securityContext") is not None else None}


def _leaf(type_: str, value: Any) -> Any:
    zeros: dict[str, Any] = {
        "string": "",
        "types.UID": "",
        "bool": False,
        "resource.Quantity": "0",
    }
    zeros |= dict.fromkeys(("int", "int32", "int64", "float64", "intstr.IntOrString"), 0)
    if value is None:
        return zeros.get(type_, {} if type_.startswith("meta.LabelSelector") else None)
    if type_ == "resource.Quantity":
        return quantity.parse(str(value)).text
    return checks.shown_selector(value) if type_ == "meta.LabelSelector" else value
