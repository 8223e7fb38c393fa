"""SecretReference: which keys of an outside secret store a component may use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import Conditions, KubernetesObject, NonEmpty, Timestamp
from choreo_local.api.schema import Model
from choreo_local.api.values import SecretType


class RemoteRef(Model):
    """A value in the secret store."""

    key: NonEmpty = Field(description="Key in the store.")
    property: str | None = Field(None, description="Part of the value, where it has parts.")
    version: str | None = Field(None, description="Version of the value.")


class SecretData(Model):
    """One key of the secret, and where its value is kept."""

    secret_key: NonEmpty = Field(description="Key of the secret.")
    remote_ref: RemoteRef = Field(description="Where its value is kept.")


class SecretMetadata(Model):
    """What the made Secret carries besides its data."""

    labels: dict[str, str] | None = Field(None, description="Labels.")
    annotations: dict[str, str] | None = Field(None, description="Annotations.")


class SecretTemplate(Model):
    """Form of the made Secret."""

    type: SecretType = Field(SecretType.OPAQUE, description="Type of the Secret.")
    metadata: SecretMetadata | None = Field(None, description="Its labels and annotations.")


class TargetPlaneRef(Model):
    """The plane whose secret store holds the values."""

    kind: Literal["WorkflowPlane", "ClusterWorkflowPlane", "DataPlane", "ClusterDataPlane"] = Field(
        description="Kind of the plane."
    )
    name: NonEmpty = Field(description="Name of the plane.")


class SecretReferenceSpec(Model):
    """Keys, where their values are kept, and the form of the made Secret."""

    template: SecretTemplate = Field(description="Form of the made Secret.")
    data: Annotated[list[SecretData], Field(min_length=1)] = Field(description="The keys.")
    refresh_interval: str = Field("1h", description="How often values are read again.")
    target_plane: TargetPlaneRef | None = Field(
        None, description="The plane whose secret store holds the values."
    )


class SecretStoreUse(Model):
    """A secret store that serves the reference."""

    name: str = Field(description="Name of the store.")
    namespace: str = Field(description="Namespace of what was made from it.")
    kind: str = Field(description="Kind of the store.")


class SecretReferenceStatus(Model):
    """What was observed."""

    conditions: Conditions | None = None
    last_refresh_time: Timestamp | None = Field(None, description="When values were last read.")
    secret_stores: list[SecretStoreUse] | None = Field(None, description="Stores in use.")


class SecretReference(KubernetesObject):
    """Names secrets that are kept outside, so that components can refer to them."""

    kind: Literal["SecretReference"] = "SecretReference"
    spec: SecretReferenceSpec | None = None
    status: SecretReferenceStatus | None = None
