"""The text that Kubernetes hashes for a Pod template: a dump of its Go structs. Pure.

`_generated/podtemplate.json` holds the layout of the structs of Kubernetes 1.36: for each type its
printed name and kind, for structs the fields as Go name, JSON name (`.` for inlined) and type. It
was read from the Go types by reflection; fields are only ever appended from release to release.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from choreo_local.embedded.controllermanager import goquantity

_ROOT = "core/v1.PodTemplateSpec"
_ZERO_TIME = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
_NIL = "<nil>"


def pod_template(template: Mapping[str, Any]) -> str:
    """The dump of a Pod template."""
    return f"({_printed(_ROOT)}){_body(_ROOT, template)}"


@functools.cache
def _table() -> dict[str, Any]:
    folder = resources.files("choreo_local.embedded.controllermanager._generated")
    table: dict[str, Any] = json.loads(folder.joinpath("podtemplate.json").read_text("utf-8"))
    return table


@functools.cache
def _printed(type_: str) -> str:
    """The name of a type as Go prints it."""
    if type_.startswith("*"):
        return f"*{_printed(type_[1:])}"
    if type_.startswith("[]"):
        return f"[]{_printed(type_[2:])}"
    if type_.startswith("map["):
        key, _, element = type_[4:].partition("]")
        return f"map[{_printed(key)}]{_printed(element)}"
    return str(_table()[type_][0])


def _body(type_: str, value: Any) -> str:
    """A value without the name of its type."""
    if type_.startswith("*"):
        return _NIL if value is None else _body(type_[1:], value)
    if type_.startswith("[]"):
        return _list(type_[2:], value)
    if type_.startswith("map["):
        return _map(type_[4:].partition("]")[2], value)
    _, kind, *payload = _table()[type_]
    match kind:
        case "struct":
            return _struct(payload[0], value or {})
        case "map":
            return _map(payload[0], value)
        case "slice":
            return _list(payload[0], value)
        case "string":
            return str(value or "")
        case "bool":
            return "true" if value else "false"
        case "special":
            return _special(type_, value)
    return str(value or 0)


def _struct(fields: list[list[str]], value: Mapping[str, Any]) -> str:
    parts = []
    for name, json_name, type_ in fields:
        found = value if json_name == "." else value.get(json_name)
        parts.append(f"{name}:({_printed(type_)}){_body(type_, found)}")
    return f"{{{' '.join(parts)}}}"


def _list(element: str, value: Any) -> str:
    return f"[{' '.join(_body(element, each) for each in value)}]" if value else _NIL


def _map(element: str, value: Mapping[str, Any] | None) -> str:
    if not value:
        return _NIL
    return f"map[{' '.join(f'{key}:{_body(element, value[key])}' for key in sorted(value))}]"


def _special(type_: str, value: Any) -> str:
    if type_.endswith(".IntOrString"):
        is_text = isinstance(value, str)
        number, text = (0, value) if is_text else (value or 0, "")
        kind = int(is_text)
        return f"{{Type:(intstr.Type){kind} IntVal:(int32){number} StrVal:(string){text}}}"
    if type_.endswith(".Quantity"):
        return goquantity.dump(value)
    # Times in templates are never set.
    return _ZERO_TIME
