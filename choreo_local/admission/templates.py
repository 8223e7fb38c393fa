"""Templates of manifests: do they have what every manifest needs, and where are expressions?

Public: `structure(…)`, `kind_of(…)`, `is_workload(…)`, `iter_texts(…)`, `unwrapped(…)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

from . import reading

NAMESPACE = "${metadata.namespace}"

_WORKLOAD_KINDS = frozenset({"deployment", "statefulset", "daemonset", "cronjob", "job"})
# What upstream decodes the head of a template into; messages name it.
_HEAD = "resourceTemplateHeader"
_HEAD_METADATA = (
    r'struct { Name interface {} "json:\"name\""; Namespace *interface {} "json:\"namespace\"" }'
)


def is_workload(kind: str) -> bool:
    """Whether a kind runs pods, of which a component has one."""
    return kind.lower() in _WORKLOAD_KINDS


def kind_of(template: Any) -> str:
    """The kind of a template; empty where it has none or cannot be read."""
    return "" if _undecodable(template) else reading.text(template.get("kind"))


def structure(template: Any, path: str) -> Iterator[FieldError]:
    """What keeps a template from becoming a manifest, whatever its expressions give."""
    if template is None:
        yield fielderrors.required(path, "template is required")
        return
    undecodable = _undecodable(template)
    if undecodable:
        detail = f"failed to parse template: json: cannot unmarshal {undecodable}"
        yield fielderrors.invalid_value(path, "<invalid>", detail)
        return
    if not template.get("apiVersion"):
        detail = "apiVersion is required in resource template"
        yield fielderrors.required(f"{path}.apiVersion", detail)
    yield from _kind(template.get("kind"), f"{path}.kind")
    if reading.member(template, "metadata", "name") in (None, ""):
        detail = "metadata.name is required in resource template"
        yield fielderrors.required(f"{path}.metadata.name", detail)
    namespace = reading.member(template, "metadata", "namespace")
    if namespace is not None and unwrapped(reading.text(namespace)) != "metadata.namespace":
        detail = f'if metadata.namespace is specified, it must be "{NAMESPACE}"'
        yield fielderrors.invalid_value(f"{path}.metadata.namespace", namespace, detail)


def _kind(kind: Any, path: str) -> Iterator[FieldError]:
    if not kind:
        yield fielderrors.required(path, "kind is required in resource template")
    elif "${" in kind:
        yield fielderrors.forbidden(path, "kind must be a literal value, not a template expression")


def _undecodable(template: Any) -> str:
    """What of a template is of a type that it cannot have; empty when nothing is."""
    if not isinstance(template, dict):
        return f"{reading.json_kind(template)} into Go value of type {_HEAD}"
    for field, wanted, shown in (
        ("apiVersion", str, "string"),
        ("kind", str, "string"),
        ("metadata", dict, _HEAD_METADATA),
    ):
        value = template.get(field)
        if value is not None and not isinstance(value, wanted):
            return (
                f"{reading.json_kind(value)} into Go struct field {_HEAD}.{field} of type {shown}"
            )
    return ""


def iter_texts(template: Any, path: str) -> Iterator[tuple[str, str, bool]]:
    """Every text of a template that may hold expressions: its path, itself, is it a key?"""
    if isinstance(template, str):
        if "${" in template:
            yield path, template, False
    elif isinstance(template, dict):
        for key, value in _sorted(template):
            below = f"{path}[{key}]"
            if "${" in key:
                yield below, key, True
            yield from iter_texts(value, below)
    elif isinstance(template, list):
        for index, item in enumerate(template):
            yield from iter_texts(item, f"{path}[{index}]")


def _sorted(members: dict[Any, Any]) -> list[tuple[str, Any]]:
    # Files may have numbers for keys.
    return sorted(((str(key), value) for key, value in members.items()), key=itemgetter(0))


def unwrapped(text: str) -> str | None:
    """What stands in `${…}` when that is all of a text; None when it is not."""
    trimmed = text.strip()
    if trimmed.startswith("${") and trimmed.endswith("}"):
        return trimmed[2:-1].strip()
    return None
