"""What the kube API knows of each type that it serves, builtin or custom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.apimachinery.gvk import GroupVersionKind, ResourceKind
from choreo_local.apimachinery.schema.structural import Structural


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource as discovery lists it.

    `kind` is the type of its bodies: the parent's own for `status`, `autoscaling/v1 Scale` for
    `scale`, `v1 Binding` for `pods/binding`.
    """

    name: str
    kind: GroupVersionKind
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """One column of a Table; `json_path` is for custom resources, builtin kinds compute cells."""

    name: str
    type: str
    description: str = ""
    format: str = ""
    priority: int = 0
    json_path: str = ""


@dataclass(frozen=True, slots=True)
class ServedResource:
    """A served type.

    Attributes:
        kind: group, version, kind, plural, scope.
        singular: as in discovery.
        list_kind: `kind` of a list of these.
        verbs: as in discovery, sorted as the real server sorts them.
        schema: the structural schema; None where anything is accepted.
        openapi: the OpenAPI v3 schema to publish (custom resources), as written by its author.
        custom: True for kinds of a CRD.
        storage_version: False for a served version that is not stored.
        status_subresource: writes to the main resource leave `status` alone and the reverse.
        scale: the three JSON paths of a CRD's scale subresource, by their field names.
        deprecation: what to warn of with every answer, when the version should not be used.
        selectable_fields: JSON paths usable in field selectors, beside metadata.name and namespace.
    """

    kind: ResourceKind
    singular: str
    list_kind: str
    verbs: tuple[str, ...]
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    columns: tuple[PrinterColumn, ...] = ()
    schema: Structural | None = None
    openapi: Mapping[str, Any] | None = None
    custom: bool = False
    storage_version: bool = True
    status_subresource: bool = False
    scale: Mapping[str, str] | None = None
    selectable_fields: tuple[str, ...] = ()
    deprecation: str = ""
