"""What OpenChoreo adds to CEL: the `oc_…` functions and the receivers of component templates.

`BASE` serves every pipeline, `COMPONENT` also has `configurations.toVolumes()` and its like, which
read from the hidden variable `derived` (see `derived`). Admission checks compile with the same.

Public: `Dialect`, `environment(names, dialect)`.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.cel import libraries, types
from choreo_local.cel.ast import Call, Ident, ListLiteral, Node, Select
from choreo_local.cel.declarations import Expansion, Function, Library, Macro, Overload
from choreo_local.cel.environment import Environment
from choreo_local.cel.errors import EvaluationError

from . import hashing, names
from .errors import RenderError
from .values import OMIT

DERIVED = "derived"

# Receiver → method → field of `derived` that the call stands for.
_RECEIVERS: Mapping[str, Mapping[str, str]] = {
    "configurations": {
        "toConfigFileList": "configFileList",
        "toSecretFileList": "secretFileList",
        "toContainerEnvFrom": "containerEnvFrom",
        "toContainerVolumeMounts": "configVolumeMounts",
        "toVolumes": "configVolumes",
        "toConfigEnvsByContainer": "configEnvs",
        "toSecretEnvsByContainer": "secretEnvs",
    },
    "workload": {"toServicePorts": "servicePorts"},
    "dependencies": {
        "toContainerEnvs": "dependencyEnvVars",
        "toContainerVolumeMounts": "dependencyVolumeMounts",
        "toVolumes": "dependencyVolumes",
    },
}
ENDPOINT_RESOURCES = "toEndpointResources"

_STRING_MAP = types.map_of(types.STRING, types.DYN)


class Dialect(enum.Enum):
    """Which additions the templates of a pipeline may use."""

    BASE = "base"
    COMPONENT = "component"


@functools.lru_cache(maxsize=128)
def environment(variables: tuple[str, ...], dialect: Dialect) -> Environment:
    """The environment of templates that see these variables, all of them of any type."""
    declared = dict.fromkeys(variables, types.DYN)
    return Environment(declared, libraries=LIBRARIES[dialect])


def _omitted() -> Any:
    return OMIT


def _merged(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> dict[Any, Any]:
    return {**one, **other}


def _generated(limit: int, parts: Sequence[Any]) -> str:
    texts = [part for part in parts if isinstance(part, str)]
    try:
        return names.generate(*texts, limit=limit)
    except RenderError as error:
        raise EvaluationError(f"internal error: {error.message}") from error


def _name_function(name: str, limit: int) -> Function:
    return Function(
        name,
        (
            Overload((types.STRING,), types.STRING, lambda part: _generated(limit, [part])),
            Overload(
                (types.list_of(types.STRING),),
                types.STRING,
                lambda parts: _generated(limit, parts),
            ),
        ),
    )


def _as_list(
    expansion: Expansion, _target: Node | None, arguments: Sequence[Node], *, name: str
) -> Node | None:
    """`f(a, b)` is `f([a, b])`; a single argument stays, it may be a list itself."""
    if len(arguments) == 1:
        return None
    parts = ListLiteral(expansion.position, list(arguments))
    return Call(expansion.position, name, [parts])


def _pairwise(expansion: Expansion, _target: Node | None, arguments: Sequence[Node]) -> Node | None:
    """`oc_merge(a, b, c)` is `oc_merge(oc_merge(a, b), c)`."""
    if len(arguments) < 2:
        return expansion.error("oc_merge requires at least 2 arguments")
    merged = arguments[0]
    for argument in arguments[1:]:
        merged = Call(expansion.position, "oc_merge", [merged, argument])
    return merged


def _receiver_macros() -> list[Macro]:
    methods: dict[str, dict[str, str]] = {}
    for receiver, fields in _RECEIVERS.items():
        for method, field in fields.items():
            methods.setdefault(method, {})[receiver] = field
    found = [
        Macro(method, 0, functools.partial(_derived_field, fields=fields), member=True)
        for method, fields in methods.items()
    ]
    return [*found, Macro(ENDPOINT_RESOURCES, 1, _endpoint_resources, member=True)]


def _derived_field(
    expansion: Expansion,
    target: Node | None,
    _arguments: Sequence[Node],
    *,
    fields: Mapping[str, str],
) -> Node | None:
    field = fields.get(target.name) if isinstance(target, Ident) else None
    if field is None:
        return None
    return Select(expansion.position, Ident(expansion.position, DERIVED), field)


def _endpoint_resources(
    expansion: Expansion, target: Node | None, arguments: Sequence[Node]
) -> Node | None:
    if not isinstance(target, Ident) or target.name != "workload":
        return None
    here = expansion.position
    resources = Select(here, Ident(here, DERIVED), "endpointResources")
    return Call(here, "_[?_]", [resources, arguments[0]])


_OPENCHOREO = Library(
    "openchoreo",
    functions=(
        Function("oc_omit", (Overload((), types.DYN, _omitted),)),
        Function("oc_merge", (Overload((_STRING_MAP, _STRING_MAP), _STRING_MAP, _merged),)),
        _name_function("oc_generate_name", names.RESOURCE_NAME),
        _name_function("oc_dns_label", names.LABEL_NAME),
        Function("oc_hash", (Overload((types.STRING,), types.STRING, hashing.fnv_hex),)),
    ),
    macros=(
        Macro("oc_merge", None, _pairwise),
        *(
            Macro(name, None, functools.partial(_as_list, name=name))
            for name in ("oc_generate_name", "oc_dns_label")
        ),
    ),
)
_RECEIVER_MACROS = Library("openchoreo-component", macros=_receiver_macros())

LIBRARIES: Mapping[Dialect, tuple[Library, ...]] = {
    Dialect.BASE: (*libraries.STANDARD, _OPENCHOREO),
    Dialect.COMPONENT: (*libraries.STANDARD, _OPENCHOREO, _RECEIVER_MACROS),
}
