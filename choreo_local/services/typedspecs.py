"""An object's spec as clients with typed structs write it, which is how the API shows it; pure.

Such a client leaves out fields that are empty or false, writes structs that nobody gave as empty
ones, and durations in one form. Only what differs from the stored object is listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Spec = Mapping[str, Any]
_DURATION = re.compile(r"([0-9]{1,9})(h|m|s)")
_UNIT_SECONDS = {"h": 3600, "m": 60, "s": 1}


def shown(kind: str, spec: Spec) -> Spec:
    """The spec of an object of a kind; the one given where nothing differs."""
    change = _CHANGES.get(kind)
    return change(spec) if change else spec


def _without_empty(field: str) -> Callable[[Spec], Spec]:
    def change(spec: Spec) -> Spec:
        if field not in spec or spec[field]:
            return spec
        return {name: value for name, value in spec.items() if name != field}

    return change


def _with_struct(field: str) -> Callable[[Spec], Spec]:
    def change(spec: Spec) -> Spec:
        return spec if field in spec else {**spec, field: {}}

    return change


def _with_scopes(spec: Spec) -> Spec:
    mappings = spec.get("roleMappings")
    if not isinstance(mappings, list):
        return spec
    return {**spec, "roleMappings": [{"scope": {}, **mapping} for mapping in mappings]}


def _with_interval(spec: Spec) -> Spec:
    given = spec.get("refreshInterval")
    return {**spec, "refreshInterval": duration(given)} if isinstance(given, str) else spec


def duration(text: str) -> str:
    """Hours, minutes and seconds as `1h0m0s`; a text of another form stays as it is."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return text
    minutes, seconds = divmod(sum(int(number) * _UNIT_SECONDS[unit] for number, unit in parts), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


_CHANGES: Mapping[str, Callable[[Spec], Spec]] = {
    "AuthzRoleBinding": _with_scopes,
    "ClusterAuthzRoleBinding": _with_scopes,
    "ClusterDataPlane": _with_struct("gateway"),
    "Component": _without_empty("autoDeploy"),
    "DataPlane": _with_struct("gateway"),
    "DeploymentPipeline": _without_empty("promotionPaths"),
    "Environment": _with_struct("gateway"),
    "SecretReference": _with_interval,
}
