"""Field types that several kinds share: names, expressions, free-form values, owners, conditions,
templates and their checks, environment variables and files.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from choreo_local.api.schema import (
    ANYTHING,
    DATE_TIME,
    INT32,
    INT64,
    Model,
    Rule,
    checked_by,
    list_map,
)
from choreo_local.api.values import ConditionStatus, TargetPlane

EXPRESSION = r"^\$\{[\s\S]+\}\s*$"
IDENTIFIER = "^[a-zA-Z_][a-zA-Z0-9_]*$"
DNS_LABEL = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
TIME_TO_LIVE = r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
_CONDITION_TYPE = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
)

NonEmpty = Annotated[str, Field(min_length=1)]
Name63 = Annotated[str, Field(min_length=1, max_length=63)]
Expression = Annotated[str, Field(pattern=EXPRESSION)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
TimeToLive = Annotated[str, Field(pattern=TIME_TO_LIVE)]
Duration = Annotated[str, Field(pattern=DURATION)]
Port = Annotated[int, Field(ge=1, le=65535), INT32]
Int64 = Annotated[int, INT64]
Timestamp = Annotated[str, DATE_TIME]
AnyValue = Annotated[Any, ANYTHING]
FreeObject = Annotated[dict[str, Any], ANYTHING]


class Metadata(Model):
    """Name, labels and the rest of what every Kubernetes object carries."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    finalizers: list[str] | None = None
    uid: str | None = None
    resource_version: str | None = None
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None


class KubernetesObject(Model):
    """An object of the API; each kind adds its `spec` and most add a `status`."""

    api_version: Literal["openchoreo.dev/v1alpha1"] = "openchoreo.dev/v1alpha1"
    kind: str
    metadata: Metadata = Field(default_factory=Metadata)


class Condition(Model):
    """One aspect of the observed state, and since when it has been so."""

    type: Annotated[str, Field(max_length=316, pattern=_CONDITION_TYPE)] = Field(
        description="The aspect, in CamelCase."
    )
    status: ConditionStatus = Field(description="Whether the aspect holds.")
    reason: Annotated[
        str,
        Field(min_length=1, max_length=1024, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
    ] = Field(description="Why, as one CamelCase word that programs may match on.")
    message: Annotated[str, Field(max_length=32768)] = Field(description="Why, for a person.")
    last_transition_time: Timestamp = Field(description="When the status last changed.")
    observed_generation: Annotated[int, Field(ge=0), INT64] | None = Field(
        None, description="The generation of the object that this was derived from."
    )


Conditions = Annotated[
    list[Condition], Field(description="What the controller observed, one entry an aspect.")
]
KeyedConditions = Annotated[Conditions, list_map("type")]


class EmptyStatus(Model):
    """Nothing is reported for this kind."""


class ProjectOwner(Model):
    """The project that the object belongs to."""

    project_name: NonEmpty = Field(description="Name of the project.")


class ComponentOwner(ProjectOwner):
    """The component that the object belongs to."""

    component_name: NonEmpty = Field(description="Name of the component.")


class ResourceOwner(ProjectOwner):
    """The OpenChoreo Resource that the object belongs to."""

    resource_name: NonEmpty = Field(description="Name of the OpenChoreo Resource.")


class LatestRelease(Model):
    """The newest release that was cut for the object."""

    name: NonEmpty = Field(description="Name of the release.")
    hash: NonEmpty = Field(description="Content hash of the release.")


class ParameterSchema(Model):
    """Describes the values that users of the type may give."""

    open_api_v3_schema: Annotated[dict[str, Any], ANYTHING] | None = Field(
        None,
        alias="openAPIV3Schema",
        description="OpenAPI v3 schema of the values; defaults in it are filled in.",
    )


class ValidationRule(Model):
    """A condition on the inputs; rendering stops where it does not hold."""

    rule: Expression = Field(description="CEL expression that gives true when all is well.")
    message: NonEmpty = Field(description="What the user reads when the rule does not hold.")


class ResourceTarget(Model):
    """Picks rendered objects by type, and by a further condition if there is one."""

    group: str = Field(description='API group; "" is the core group.')
    version: NonEmpty = Field(description="API version.")
    kind: NonEmpty = Field(description="Kind.")
    where: Expression | None = Field(
        None, description="CEL expression over `resource` that narrows the selection."
    )


class CheckedTarget(ResourceTarget):
    """Picks the rendered objects that a check looks at."""

    must_match: bool = Field(
        default=True, description="Whether it is an error when nothing is selected."
    )


FOR_EACH_NEEDS_VAR = Rule(
    "!has(self.forEach) || has(self.var)", "var is required when forEach is specified"
)


class Repeated(Model):
    """Something that is done once, or once for each item of a list or map."""

    model_config = checked_by(FOR_EACH_NEEDS_VAR)

    target_plane: TargetPlane = Field(
        TargetPlane.DATA_PLANE, description="The plane whose objects are concerned."
    )
    for_each: Expression | None = Field(
        None, description="CEL expression that gives the list or map to repeat over."
    )
    var: Identifier | None = Field(None, description="Name of the current item in expressions.")


class PostRenderValidation(Repeated):
    """A condition on rendered objects; the release is refused where it does not hold."""

    target: CheckedTarget = Field(description="The objects to look at.")
    when: Expression | None = Field(
        None, description="CEL expression; the check is skipped where it gives false."
    )
    rule: Expression = Field(description="CEL expression that gives true when all is well.")
    message: NonEmpty = Field(description="What the user reads when the rule does not hold.")


class Template(Repeated):
    """A manifest with CEL in `${…}`."""

    include_when: Expression | None = Field(
        None, description="CEL expression; the object is left out where it gives false."
    )
    template: FreeObject = Field(description="The manifest; text in `${…}` is evaluated.")


class ResourceTemplate(Template):
    """A template with an id that is unique in its list."""

    id: NonEmpty = Field(description="Identifies the template and what is rendered from it.")


class SecretKeyRef(Model):
    """One key of a Secret, or of what stands for one."""

    name: NonEmpty = Field(description="Name of the object that holds the value.")
    key: NonEmpty = Field(description="Key within that object.")


class SecretValueSource(Model):
    """Where a value comes from when it is not given in place."""

    secret_key_ref: SecretKeyRef | None = Field(None, description="A key of a secret.")


NOT_BOTH = Rule(
    "!has(self.value) || !has(self.valueFrom)", "value and valueFrom are mutually exclusive"
)


class EnvVar(Model):
    """An environment variable of a container."""

    model_config = checked_by(NOT_BOTH)

    key: str = Field(description="Name of the variable.")
    value: str | None = Field(None, description="The value itself.")
    value_from: SecretValueSource | None = Field(None, description="Where the value is kept.")


class FileVar(Model):
    """A file in a container."""

    model_config = checked_by(NOT_BOTH)

    key: str = Field(description="Name of the file.")
    mount_path: str = Field(description="Path of the file in the container.")
    value: str | None = Field(None, description="The content itself.")
    value_from: SecretValueSource | None = Field(None, description="Where the content is kept.")


class ContainerConfig(Model):
    """Environment variables and files of a container."""

    env: list[EnvVar] | None = Field(None, description="Environment variables.")
    files: list[FileVar] | None = Field(None, description="Files.")
