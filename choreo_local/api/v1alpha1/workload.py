"""Workload: the container of a component, the endpoints it offers and what it depends on."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    ComponentOwner,
    ContainerConfig,
    EmptyStatus,
    KubernetesObject,
    NonEmpty,
    Port,
)
from choreo_local.api.schema import LIST_SET, Model, Rule, immutable, list_map
from choreo_local.api.values import DependencyVisibility, EndpointType, Visibility


class Container(ContainerConfig):
    """What runs."""

    image: NonEmpty = Field(description="Image reference.")
    command: list[str] | None = Field(None, description="Replaces the image's entry point.")
    args: list[str] | None = Field(None, description="Arguments of the entry point.")


class EndpointSchema(Model):
    """The contract of an endpoint."""

    type: str | None = Field(None, description="Format of the contract, e.g. REST.")
    content: str | None = Field(None, description="The contract itself.")


class Endpoint(Model):
    """A port that others may call."""

    type: EndpointType = Field(description="Protocol.")
    port: Port = Field(description="Port that callers use.")
    target_port: Port | None = Field(
        None, description="Port that the container listens on; the same as port when absent."
    )
    visibility: Annotated[list[Visibility], LIST_SET] | None = Field(
        None, description="Who may call, beyond the project itself."
    )
    base_path: str | None = Field(None, description="Path under which the endpoint answers.")
    display_name: str | None = Field(None, description="Name for people.")
    schema_: EndpointSchema | None = Field(None, alias="schema", description="Its contract.")


class EndpointBindings(Model):
    """Environment variables that receive the parts of an endpoint's address."""

    address: str | None = Field(None, description="Variable for the whole address.")
    host: str | None = Field(None, description="Variable for the host.")
    port: str | None = Field(None, description="Variable for the port.")
    base_path: str | None = Field(None, description="Variable for the path.")


class EndpointDependency(Model):
    """An endpoint of another component that this one calls."""

    project: str | None = Field(None, description="Project of the component; our own if absent.")
    component: NonEmpty = Field(description="Component that offers the endpoint.")
    name: NonEmpty = Field(description="Name of the endpoint.")
    visibility: DependencyVisibility = Field(description="Visibility that the call relies on.")
    env_bindings: EndpointBindings = Field(description="Variables that receive the address.")


def _named_outputs(what: str, values: str) -> Rule:
    return Rule(
        "self.all(name, size(name) > 0 && size(self[name]) > 0)",
        f"{what} keys (output names) and values ({values}) cannot be empty",
    )


class ResourceDependency(Model):
    """An OpenChoreo Resource of the project whose outputs this component uses."""

    ref: NonEmpty = Field(description="Name of the OpenChoreo Resource.")
    env_bindings: (
        Annotated[
            dict[str, str],
            Field(max_length=50),
            _named_outputs("envBindings", "env var names"),
        ]
        | None
    ) = Field(None, description="Output → environment variable.")
    file_bindings: (
        Annotated[
            dict[str, str], Field(max_length=50), _named_outputs("fileBindings", "mount paths")
        ]
        | None
    ) = Field(None, description="Output → path of a file.")


class Dependencies(Model):
    """What the component needs in order to work."""

    endpoints: Annotated[list[EndpointDependency], Field(max_length=50)] | None = Field(
        None, description="Endpoints of other components."
    )
    resources: Annotated[list[ResourceDependency], Field(max_length=50), list_map("ref")] | None = (
        Field(None, description="OpenChoreo Resources of the project.")
    )


class WorkloadTemplate(Model):
    """Container, endpoints and dependencies, without an owner."""

    container: Container = Field(description="What runs.")
    endpoints: dict[str, Endpoint] | None = Field(None, description="Endpoints by name.")
    dependencies: Dependencies | None = Field(None, description="What it needs to work.")


class WorkloadSpec(WorkloadTemplate):
    """What a component runs, offers and needs."""

    owner: Annotated[ComponentOwner, immutable("spec.owner")] = Field(
        description="The component that this is the workload of."
    )


class Workload(KubernetesObject):
    """What a component runs, offers and needs; one for each component."""

    kind: Literal["Workload"] = "Workload"
    spec: WorkloadSpec | None = None
    status: EmptyStatus | None = None
