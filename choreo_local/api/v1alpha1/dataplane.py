"""DataPlane, WorkflowPlane, ObservabilityPlane and their cluster-scoped twins."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import (
    DNS_LABEL,
    Conditions,
    Int64,
    KeyedConditions,
    KubernetesObject,
    Port,
    Timestamp,
)
from choreo_local.api.schema import Model, Rule

PlaneId = Annotated[str, Field(max_length=63, pattern=DNS_LABEL)]
PlaneName = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]


class Listener(Model):
    """A listener of a gateway."""

    host: str = Field(description="Host name, the parent of those that endpoints get.")
    port: Port = Field(description="Port that callers use.")
    listener_name: str | None = Field(None, description="Name of the listener on the Gateway.")


class GatewayEndpoint(Model):
    """A Gateway on the data plane, and how it is reached."""

    name: str = Field(description="Name of the Gateway.")
    namespace: str = Field(description="Namespace of the Gateway.")
    http: Listener | None = Field(None, description="Listener in the clear.")
    https: Listener | None = Field(None, description="Listener that ends TLS.")
    tls: Listener | None = Field(None, description="Listener that passes TLS through.")


class GatewayPair(Model):
    """The gateways of one direction, for each audience."""

    external: GatewayEndpoint | None = Field(None, description="For callers from anywhere.")
    internal: GatewayEndpoint | None = Field(None, description="For callers inside.")


class GatewayConfig(Model):
    """The gateways of a data plane."""

    ingress: GatewayPair | None = Field(None, description="For calls into the cells.")
    egress: GatewayPair | None = Field(None, description="For calls out of the cells.")


class NamespacedSecretKeyRef(Model):
    """One key of a Secret, possibly in another namespace."""

    name: str = Field(description="Name of the Secret.")
    namespace: str | None = Field(
        None, description="Namespace of the Secret; that of the object if absent."
    )
    key: str = Field(description="Key within it.")


class ValueSource(Model):
    """A value, in place or in a Secret."""

    value: str | None = Field(None, description="The value itself.")
    secret_key_ref: NamespacedSecretKeyRef | None = Field(None, description="A key of a Secret.")


class ClusterAgentConfig(Model):
    """How the agent of the plane's cluster proves who it is."""

    client_ca: ValueSource = Field(
        alias="clientCA", description="Certificate authority of the agent's certificate."
    )


class SecretStoreRef(Model):
    """The secret store of a plane."""

    name: str = Field(description="Name of the ClusterSecretStore on the plane.")


class ObservabilityPlaneRef(Model):
    """The observability plane that watches another plane."""

    kind: Literal["ObservabilityPlane", "ClusterObservabilityPlane"] = Field(
        description="Kind of the plane."
    )
    name: PlaneName = Field(description="Name of the plane.")


class ClusterObservabilityPlaneRef(Model):
    """The cluster-scoped observability plane that watches another plane."""

    kind: Literal["ClusterObservabilityPlane"] = Field(description="Kind of the plane.")
    name: PlaneName = Field(description="Name of the plane.")


def _cluster_scoped_only(kind: str) -> Rule:
    return Rule(
        "!has(self.kind) || self.kind == 'ClusterObservabilityPlane'",
        f"{kind} can only reference ClusterObservabilityPlane",
    )


class AgentConnection(Model):
    """Whether agents of the plane are connected."""

    connected: bool = Field(description="Whether any is connected.")
    connected_agents: int = Field(description="How many are.")
    last_connected_time: Timestamp | None = Field(None, description="When the first connected.")
    last_disconnected_time: Timestamp | None = Field(None, description="When the last left.")
    last_heartbeat_time: Timestamp | None = Field(None, description="When one was last heard of.")
    message: str | None = Field(None, description="The state in words.")


class PlaneStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: Conditions | None = None
    agent_connection: AgentConnection | None = Field(None, description="State of the agents.")


class ClusterPlaneStatus(Model):
    """What the controller observed."""

    observed_generation: Int64 | None = Field(None, description="Generation last seen.")
    conditions: KeyedConditions | None = None
    agent_connection: AgentConnection | None = Field(None, description="State of the agents.")


class _NamespacedPlane(Model):
    """Identity of a plane of one namespace."""

    plane_id: PlaneId | None = Field(
        None,
        alias="planeID",
        description="What its agents call the plane; the object's name if absent.",
    )
    cluster_agent: ClusterAgentConfig = Field(description="Settings of the agent.")


class _ClusterPlane(Model):
    """Identity of a plane for all namespaces."""

    plane_id: PlaneId = Field(alias="planeID", description="What its agents call the plane.")
    cluster_agent: ClusterAgentConfig = Field(description="Settings of the agent.")


class _Secrets(Model):
    """Where the plane keeps secrets."""

    secret_store_ref: SecretStoreRef | None = Field(
        None, description="Secret store that references are resolved with."
    )


class _Gateways(Model):
    """How the plane is entered and left."""

    gateway: GatewayConfig | None = Field(None, description="Gateways of the plane.")


class _Observers(Model):
    """Addresses of an observability plane's services."""

    observer_url: str = Field(alias="observerURL", description="Address of the Observer API.")
    rca_agent_url: str | None = Field(
        None, alias="rcaAgentURL", description="Address of the root-cause analysis agent."
    )
    fin_ops_agent_url: str | None = Field(
        None, alias="finOpsAgentURL", description="Address of the cost analysis agent."
    )


class DataPlaneSpec(_NamespacedPlane, _Gateways, _Secrets):
    """A cluster that runs components."""

    observability_plane_ref: ObservabilityPlaneRef | None = Field(
        None, description="The plane that observes this one."
    )


class DataPlane(KubernetesObject):
    """A cluster that runs the components of one namespace."""

    kind: Literal["DataPlane"] = "DataPlane"
    spec: DataPlaneSpec | None = None
    status: PlaneStatus | None = None


class ClusterDataPlaneSpec(_ClusterPlane, _Gateways, _Secrets):
    """A cluster that runs components."""

    observability_plane_ref: (
        Annotated[ClusterObservabilityPlaneRef, _cluster_scoped_only("ClusterDataPlane")] | None
    ) = Field(None, description="The plane that observes this one.")


class ClusterDataPlane(KubernetesObject):
    """A cluster that runs the components of all namespaces."""

    kind: Literal["ClusterDataPlane"] = "ClusterDataPlane"
    spec: ClusterDataPlaneSpec | None = None
    status: ClusterPlaneStatus | None = None


class WorkflowPlaneSpec(_NamespacedPlane, _Secrets):
    """A cluster that runs workflows."""

    observability_plane_ref: ObservabilityPlaneRef | None = Field(
        None, description="The plane that observes this one."
    )


class WorkflowPlane(KubernetesObject):
    """A cluster that runs the workflows of one namespace."""

    kind: Literal["WorkflowPlane"] = "WorkflowPlane"
    spec: WorkflowPlaneSpec | None = None
    status: PlaneStatus | None = None


class ClusterWorkflowPlaneSpec(_ClusterPlane, _Secrets):
    """A cluster that runs workflows."""

    observability_plane_ref: (
        Annotated[ClusterObservabilityPlaneRef, _cluster_scoped_only("ClusterWorkflowPlane")] | None
    ) = Field(None, description="The plane that observes this one.")


class ClusterWorkflowPlane(KubernetesObject):
    """A cluster that runs the workflows of all namespaces."""

    kind: Literal["ClusterWorkflowPlane"] = "ClusterWorkflowPlane"
    spec: ClusterWorkflowPlaneSpec | None = None
    status: ClusterPlaneStatus | None = None


class ObservabilityPlaneSpec(_NamespacedPlane, _Observers):
    """A cluster that keeps logs, metrics and traces."""


class ObservabilityPlane(KubernetesObject):
    """A cluster that observes the planes of one namespace."""

    kind: Literal["ObservabilityPlane"] = "ObservabilityPlane"
    spec: ObservabilityPlaneSpec | None = None
    status: PlaneStatus | None = None


class ClusterObservabilityPlaneSpec(_ClusterPlane, _Observers):
    """A cluster that keeps logs, metrics and traces."""


class ClusterObservabilityPlane(KubernetesObject):
    """A cluster that observes the planes of all namespaces."""

    kind: Literal["ClusterObservabilityPlane"] = "ClusterObservabilityPlane"
    spec: ClusterObservabilityPlaneSpec | None = None
    status: ClusterPlaneStatus | None = None
