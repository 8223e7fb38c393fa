"""What a ReleaseBinding says of its dependencies. Pure."""

from __future__ import annotations

from choreo_local.api.conditions import ReleaseBindingCondition as Type
from choreo_local.api.conditions import ReleaseBindingReason as Reason
from choreo_local.controllers.outcome import Condition, met, unmet
from choreo_local.rendering.connections import Connections, ResourceDependencies


def connections(found: Connections) -> Condition:
    """`ConnectionsResolved`."""
    if not found.targets:
        return met(Type.CONNECTIONS_RESOLVED, Reason.NO_CONNECTIONS, "No connections to resolve")
    pending, resolved = len(found.pending), len(found.resolved)
    if pending:
        message = f"{pending} connections pending, {resolved} resolved"
        return unmet(Type.CONNECTIONS_RESOLVED, Reason.CONNECTIONS_PENDING, message)
    message = f"All {resolved} connections resolved"
    return met(Type.CONNECTIONS_RESOLVED, Reason.ALL_CONNECTIONS_RESOLVED, message)


def resources(found: ResourceDependencies) -> Condition:
    """`ResourceDependenciesReady`."""
    kind = Type.RESOURCE_DEPENDENCIES_READY
    if not found.targets:
        message = "No resource dependencies to resolve"
        return met(kind, Reason.NO_RESOURCE_DEPENDENCIES, message)
    pending, resolved = len(found.pending), len(found.items)
    if pending:
        message = f"{pending} resource dependencies pending, {resolved} resolved"
        return unmet(kind, Reason.RESOURCE_DEPENDENCIES_PENDING, message)
    message = f"All {resolved} resource dependencies resolved"
    return met(kind, Reason.ALL_RESOURCE_DEPENDENCIES_READY, message)
