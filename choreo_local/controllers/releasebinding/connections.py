"""What a component gets from other components and from OpenChoreo Resources. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api.conditions import ReleaseBindingCondition as Type
from choreo_local.api.conditions import ReleaseBindingReason as Reason
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition, met, unmet
from choreo_local.errors import ChoreoError
from choreo_local.rendering import dependencies, endpoints

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Connections:
    """Endpoint dependencies: who is meant, who answers, who is awaited and why."""

    targets: list[Entry]
    resolved: list[Entry]
    pending: list[Entry]

    @property
    def condition(self) -> Condition:
        """`ConnectionsResolved`."""
        if not self.targets:
            return met(
                Type.CONNECTIONS_RESOLVED, Reason.NO_CONNECTIONS, "No connections to resolve"
            )
        if self.pending:
            return unmet(
                Type.CONNECTIONS_RESOLVED,
                Reason.CONNECTIONS_PENDING,
                f"{len(self.pending)} connections pending, {len(self.resolved)} resolved",
            )
        return met(
            Type.CONNECTIONS_RESOLVED,
            Reason.ALL_CONNECTIONS_RESOLVED,
            f"All {len(self.resolved)} connections resolved",
        )


def resolve_connections(
    declared: Sequence[Manifest],
    providers: Mapping[tuple[str, str], Sequence[Manifest]],
    *,
    namespace: str,
    project: str,
    environment: str,
) -> Connections:
    """Find the URL behind each declared endpoint dependency.

    `providers` are the ReleaseBindings of the same environment by (project, component).
    """
    connections = Connections([], [], [])
    for dependency in declared:
        target = {
            "namespace": namespace,
            "project": dependency.get("project") or project,
            "component": dependency["component"],
            "endpoint": dependency["name"],
            "visibility": dependency["visibility"],
        }
        connections.targets.append({**target, "environment": environment})
        found = providers.get((target["project"], target["component"]), ())
        url, reason = _url(found, target)
        if url is not None:
            connections.resolved.append({**target, "url": url})
        else:
            short = {key: value for key, value in target.items() if key != "visibility"}
            connections.pending.append({**short, "reason": reason})
    return connections


def _url(providers: Sequence[Manifest], target: Entry) -> tuple[Entry | None, str]:
    named = f"component {target['project']}/{target['component']}"
    if not providers:
        return None, f"ReleaseBinding not found for {named}"
    if len(providers) > 1:
        return None, f"multiple ReleaseBindings found for {named}"
    provider = providers[0]
    if provider["spec"].get("state") == "Undeploy":
        return None, "component is undeployed"
    entries = (provider.get("status") or {}).get("endpoints") or ()
    entry = next((entry for entry in entries if entry["name"] == target["endpoint"]), None)
    if entry is None:
        return None, f'endpoint "{target["endpoint"]}" not yet resolved'
    url = endpoints.url_for(entry, target["visibility"])
    if url is None:
        visibility = target["visibility"]
        return None, f'endpoint "{target["endpoint"]}" has no URL for visibility "{visibility}"'
    return url, ""


@dataclass(frozen=True, slots=True)
class ResourceDependencies:
    """Resource dependencies: who is meant, what templates get, who is awaited and why."""

    targets: list[Entry]
    items: list[Entry]
    pending: list[Entry]

    @property
    def condition(self) -> Condition:
        """`ResourceDependenciesReady`."""
        if not self.targets:
            return met(
                Type.RESOURCE_DEPENDENCIES_READY,
                Reason.NO_RESOURCE_DEPENDENCIES,
                "No resource dependencies to resolve",
            )
        if self.pending:
            return unmet(
                Type.RESOURCE_DEPENDENCIES_READY,
                Reason.RESOURCE_DEPENDENCIES_PENDING,
                f"{len(self.pending)} resource dependencies pending, {len(self.items)} resolved",
            )
        return met(
            Type.RESOURCE_DEPENDENCIES_READY,
            Reason.ALL_RESOURCE_DEPENDENCIES_READY,
            f"All {len(self.items)} resource dependencies resolved",
        )


def resolve_resources(
    declared: Sequence[Manifest],
    providers: Mapping[str, Sequence[Manifest]],
    *,
    namespace: str,
    project: str,
    environment: str,
) -> ResourceDependencies:
    """Find the outputs behind each declared resource dependency.

    `providers` are the ResourceReleaseBindings of the project and environment by resource.
    """
    found = ResourceDependencies([], [], [])
    for dependency in declared:
        name = dependency["ref"]
        target = {"namespace": namespace, "project": project, "resourceName": name}
        found.targets.append({**target, "environment": environment})
        item, reason = _resource_item(providers.get(name, ()), dependency)
        if item is not None:
            found.items.append(item)
        else:
            found.pending.append({**target, "reason": reason})
    return found


def _resource_item(providers: Sequence[Manifest], dependency: Manifest) -> tuple[Entry | None, str]:
    name = dependency["ref"]
    if not providers:
        return None, f'ResourceReleaseBinding not found for resource "{name}"'
    if len(providers) > 1:
        return None, f'multiple ResourceReleaseBindings found for resource "{name}"'
    provider = providers[0]
    if not _is_ready(provider):
        return None, f'ResourceReleaseBinding "{provider["metadata"]["name"]}" is not ready'
    try:
        outputs = (provider.get("status") or {}).get("outputs")
        return dependencies.resource_item(dependency, outputs), ""
    except ChoreoError as error:
        return None, error.message


def _is_ready(binding: Manifest) -> bool:
    generation = binding["metadata"].get("generation")
    return any(
        condition["type"] == Type.READY
        and condition["status"] == "True"
        and condition.get("observedGeneration") == generation
        for condition in (binding.get("status") or {}).get("conditions") or ()
    )
