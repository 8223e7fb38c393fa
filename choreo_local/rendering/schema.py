"""Parameter schemas of types and traits: resolve, default, validate; pure.

A section is what `spec.parameters` and `spec.environmentConfigs` hold: `{openAPIV3Schema: …}`.
Which pipeline defaults, validates or drops values without a schema differs (reference 01 §31.5), so
the pipelines choose; here is how each step works. Compiled schemas are cached by content.

Public: `resolved(section)`, `defaulted(section, values)`, `check(section, values, what)`,
`repository_parameters(section)`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from choreo_local.apimachinery.schema import defaulting, structural, walker

from . import references, schemashape, values
from .errors import RenderError, SchemaError

Section = Mapping[str, Any]

_REPOSITORY_ROLES = ("url", "branch", "commit", "app-path", "secret-ref")
_REPOSITORY_MARK = "x-openchoreo-component-parameter-repository-"


def resolved(section: Section | None) -> dict[str, Any]:
    """The schema with references written out, as the API shows it; extensions stay in.

    Raises:
        SchemaError: a reference cannot be followed.
    """
    raw = _raw(section)
    if raw is None:
        return {"type": "object", "properties": {}}
    try:
        return references.resolve(raw)
    except SchemaError as error:
        raise SchemaError(f"failed to resolve $ref: {error.message}") from error


def defaulted(section: Section | None, given: Any) -> Any:
    """A copy of the values with defaults; without a schema the values as they are.

    Given numbers are doubles. Defaults keep their kind: pipelines that make doubles of everything
    do so afterwards, the workflow pipeline does not.

    Raises:
        SchemaError: the schema itself is broken.
    """
    completed = values.as_context({} if given is None else given)
    if _raw(section) is not None:
        defaulting.apply(_compiled(section).structural, completed)
    return completed


def check(section: Section | None, completed: Any, what: str) -> None:
    """Raise the problems of defaulted values as one error, named after `what`.

    Raises:
        RenderError: the values violate the schema.
        SchemaError: the schema itself is broken.
    """
    text = problems(section, completed)
    if text:
        raise RenderError(f"{what} validation failed: {text}")


def problems(section: Section | None, completed: Any) -> str:
    """The problems of defaulted values, one after the other; empty when there are none."""
    if _raw(section) is None:
        return ""
    found = walker.validate(_compiled(section).validation, completed)
    return "; ".join(problem.text("") for problem in found)


def repository_parameters(section: Section | None) -> dict[str, str]:
    """Role of a git repository's parameter → its dotted path among a workflow's parameters.

    Raises:
        SchemaError: two parameters claim the same role.
    """
    found: dict[str, str] = {}
    for role, path in _marked(resolved(section), ()):
        if role in found:
            raise SchemaError(f"parameters {found[role]} and {path} both claim repository {role}")
        found[role] = path
    return found


class _Compiled:
    """A schema in two forms: for defaults without extensions, for validation as written."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        schemashape.check(raw)
        self.structural = structural.from_crd(_without_extensions(raw))
        self.validation = structural.from_crd(_sorted_required(raw))


def _compiled(section: Section | None) -> _Compiled:
    try:
        return _compiled_text(orjson.dumps(_raw(section)))
    except orjson.JSONEncodeError as error:
        raise SchemaError(f"schema cannot be read: {error}") from error


@functools.lru_cache(maxsize=512)
def _compiled_text(text: bytes) -> _Compiled:
    return _Compiled(resolved({"openAPIV3Schema": orjson.loads(text)}))


def _raw(section: Section | None) -> Mapping[str, Any] | None:
    raw = (section or {}).get("openAPIV3Schema")
    return raw if isinstance(raw, Mapping) else None


def _without_extensions(schema: Any) -> Any:
    """Drop `x-…` keys other than Kubernetes' own, wherever they are."""
    if isinstance(schema, Mapping):
        return {
            key: _without_extensions(value)
            for key, value in schema.items()
            if not _is_extension(key)
        }
    if isinstance(schema, list):
        return [_without_extensions(item) for item in schema]
    return schema


def _is_extension(key: str) -> bool:
    return len(key) > 2 and key.startswith("x-") and not key.startswith("x-kubernetes-")


def _sorted_required(schema: Any) -> Any:
    """The same schema with `required` in the order in which missing fields are reported."""
    if isinstance(schema, Mapping):
        return {
            key: sorted(value) if _is_name_list(key, value) else _sorted_required(value)
            for key, value in schema.items()
        }
    if isinstance(schema, list):
        return [_sorted_required(item) for item in schema]
    return schema


def _is_name_list(key: str, value: Any) -> bool:
    is_list = isinstance(value, list) and all(isinstance(item, str) for item in value)
    return key == "required" and is_list


def _marked(schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, member in ((schema or {}).get("properties") or {}).items():
        if not isinstance(member, Mapping):
            continue
        here = (*path, name)
        for role in _REPOSITORY_ROLES:
            if member.get(f"{_REPOSITORY_MARK}{role}") is True:
                yield role, ".".join(here)
        yield from _marked(member, here)
