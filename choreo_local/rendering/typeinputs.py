"""What a project type and a resource type are rendered from, and the variables that both see.

Public: `TypeInputs`, `Entry`, `variables(inputs)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import schema

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TypeInputs:
    """Everything that a cell, or an OpenChoreo Resource, is rendered from.

    Attributes:
        type_spec: the spec of the project type or the resource type, from the release.
        parameters: of the release.
        environment_configs: of the binding.
        metadata: the variable `metadata`; see `context`.
        data_plane: the variable `dataplane`; see `context.data_plane`.
        environment: the variable `environment`; see `context.environment`.
    """

    type_spec: Manifest
    metadata: Manifest
    data_plane: Manifest
    environment: Manifest
    parameters: Any = None
    environment_configs: Any = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A manifest with its id in the RenderedRelease."""

    id: str
    manifest: dict[str, Any]

    def as_resource(self) -> dict[str, Any]:
        """The entry of `spec.resources` of a RenderedRelease."""
        return {"id": self.id, "object": self.manifest}


def variables(inputs: TypeInputs) -> dict[str, Any]:
    """The variables of every template of a type; `gateway` is each family's own matter."""
    given = {"parameters": inputs.parameters, "environmentConfigs": inputs.environment_configs}
    sections = {
        name: schema.defaulted(inputs.type_spec.get(name), value) for name, value in given.items()
    }
    return {
        "metadata": dict(inputs.metadata),
        "dataplane": dict(inputs.data_plane),
        "environment": dict(inputs.environment),
        **sections,
    }
