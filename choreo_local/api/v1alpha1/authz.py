"""AuthzRole and AuthzRoleBinding with their cluster-scoped twins: who may do what, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from choreo_local.api.common import KubernetesObject, NonEmpty
from choreo_local.api.schema import Model, Rule, checked_by
from choreo_local.api.values import Effect

Actions = Annotated[list[str], Field(min_length=1)]


def _needs(scope: str, parent: str) -> str:
    """Rule text: a scope that names one level names the level above it."""
    return f"(!has(self.scope.{scope}) || has(self.scope.{parent}))"


RESOURCE_NEEDS_PROJECT = Rule(
    f"!has(self.scope) || {_needs('resource', 'project')}",
    "scope.resource requires scope.project",
)
COMPONENT_NEEDS_PROJECT = Rule(
    f"!has(self.scope) || {_needs('component', 'project')}",
    "scope.component requires scope.project",
)
NO_GAPS = Rule(
    f"!has(self.scope) || {_needs('project', 'namespace')} && {_needs('component', 'project')}",
    "scope.project requires scope.namespace, and scope.component requires scope.project",
)
COMPONENT_OR_RESOURCE = Rule(
    "!has(self.scope) || !has(self.scope.component) || !has(self.scope.resource)",
    "scope.component and scope.resource are mutually exclusive",
)
CLUSTER_ROLES_ONLY = Rule(
    "self.roleMappings.all(each, each.roleRef.kind == 'ClusterAuthzRole')",
    "ClusterAuthzRoleBinding can only reference ClusterAuthzRole",
)


class RoleSpec(Model):
    """What the role allows."""

    actions: Actions = Field(
        description="Actions as resource:verb, e.g. component:create; * stands for any."
    )
    description: str | None = Field(None, description="What the role is for.")


class AuthzRole(KubernetesObject):
    """Actions under one name, for one namespace."""

    kind: Literal["AuthzRole"] = "AuthzRole"
    spec: RoleSpec | None = None


class ClusterAuthzRole(KubernetesObject):
    """Actions under one name, for the whole installation."""

    kind: Literal["ClusterAuthzRole"] = "ClusterAuthzRole"
    spec: RoleSpec | None = None


class Entitlement(Model):
    """Whom a binding is about, by a claim of their token."""

    claim: str = Field(description="Name of the claim.")
    value: str = Field(description="Value of the claim.")


class RoleRef(Model):
    """The role that is bound."""

    kind: Literal["AuthzRole", "ClusterAuthzRole"] = Field(description="Kind of the role.")
    name: str = Field(description="Name of the role.")


class AccessCondition(Model):
    """Narrows some actions of the role."""

    actions: Actions = Field(description="The actions that are narrowed.")
    expression: NonEmpty = Field(description="CEL expression over `resource`.")


class Scope(Model):
    """The part of the namespace that a mapping is for; all of it where nothing is said."""

    project: str | None = Field(None, description="Project.")
    component: str | None = Field(None, description="Component of the project.")
    resource: str | None = Field(None, description="OpenChoreo Resource of the project.")


class ClusterScope(Scope):
    """The part of the installation that a mapping is for; all of it where nothing is said."""

    namespace: str | None = Field(None, description="Namespace.")


class RoleMapping(Model):
    """A role, where it counts and under which conditions."""

    model_config = checked_by(
        COMPONENT_NEEDS_PROJECT, RESOURCE_NEEDS_PROJECT, COMPONENT_OR_RESOURCE
    )

    role_ref: RoleRef = Field(description="The role.")
    scope: Scope | None = Field(None, description="Where it counts.")
    conditions: list[AccessCondition] | None = Field(None, description="When it counts.")


class ClusterRoleMapping(Model):
    """A role, where it counts and under which conditions."""

    model_config = checked_by(NO_GAPS, RESOURCE_NEEDS_PROJECT, COMPONENT_OR_RESOURCE)

    role_ref: RoleRef = Field(description="The role.")
    scope: ClusterScope | None = Field(None, description="Where it counts.")
    conditions: list[AccessCondition] | None = Field(None, description="When it counts.")


class AuthzRoleBindingSpec(Model):
    """Who gets which roles."""

    entitlement: Entitlement = Field(description="Who.")
    role_mappings: Annotated[list[RoleMapping], Field(min_length=1)] = Field(
        description="Which roles, and where."
    )
    effect: Effect = Field(Effect.ALLOW, description="Whether the actions are granted or denied.")


class AuthzRoleBinding(KubernetesObject):
    """Gives roles to people and programs, within one namespace."""

    kind: Literal["AuthzRoleBinding"] = "AuthzRoleBinding"
    spec: AuthzRoleBindingSpec | None = None


class ClusterAuthzRoleBindingSpec(Model):
    """Who gets which roles."""

    model_config = checked_by(CLUSTER_ROLES_ONLY)

    entitlement: Entitlement = Field(description="Who.")
    role_mappings: Annotated[list[ClusterRoleMapping], Field(min_length=1)] = Field(
        description="Which roles, and where."
    )
    effect: Effect = Field(Effect.ALLOW, description="Whether the actions are granted or denied.")


class ClusterAuthzRoleBinding(KubernetesObject):
    """Gives roles to people and programs, across the installation."""

    kind: Literal["ClusterAuthzRoleBinding"] = "ClusterAuthzRoleBinding"
    spec: ClusterAuthzRoleBindingSpec | None = None
