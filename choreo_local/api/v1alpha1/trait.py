"""Trait and ClusterTrait: additions to the objects of a component, whatever its type."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    AnyValue,
    EmptyStatus,
    KubernetesObject,
    ParameterSchema,
    Repeated,
    ResourceTarget,
    Template,
)
from choreo_local.api.schema import Model, checked_by
from choreo_local.api.v1alpha1.componenttype import ONE_LIST_OF_CHECKS, Checked
from choreo_local.api.values import PatchOperation


class Create(Template):
    """A further object that the trait renders."""


class Operation(Model):
    """One change to an object."""

    op: PatchOperation = Field(description="What to do at the path.")
    path: str = Field(
        description="Where, as a JSON pointer; `[?(@.name=='x')]` picks items of a list."
    )
    value: AnyValue = Field(None, description="The new value; may hold CEL. Not for remove.")


class Patch(Repeated):
    """Changes to objects that the component already has."""

    target: ResourceTarget = Field(description="The objects to change.")
    operations: Annotated[list[Operation], Field(min_length=1)] = Field(
        description="The changes, in order."
    )


class Remove(Repeated):
    """Objects of the component that shall not be."""

    target: ResourceTarget = Field(description="The objects to leave out.")


class TraitSpec(Checked):
    """What the trait adds, changes and removes."""

    model_config = checked_by(ONE_LIST_OF_CHECKS)

    parameters: ParameterSchema | None = Field(None, description="Schema of the parameters.")
    environment_configs: ParameterSchema | None = Field(
        None, description="Schema of the values that may differ between environments."
    )
    creates: list[Create] | None = Field(None, description="Objects to add.")
    patches: list[Patch] | None = Field(None, description="Objects to change.")
    removes: list[Remove] | None = Field(None, description="Objects to leave out.")


class Trait(KubernetesObject):
    """A trait that the components of a namespace may use."""

    kind: Literal["Trait"] = "Trait"
    spec: TraitSpec | None = None
    status: EmptyStatus | None = None


class ClusterTrait(KubernetesObject):
    """A trait that all components may use."""

    kind: Literal["ClusterTrait"] = "ClusterTrait"
    spec: TraitSpec | None = None
    status: EmptyStatus | None = None
