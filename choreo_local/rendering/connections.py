"""Which endpoints and outputs the declared dependencies of a component mean; pure.

Whoever renders a binding needs the answers: the ReleaseBinding controller and the plan of a
promotion. What is not there yet is listed with its reason.

Public: `resolve_connections(…)` → `Connections`, `resolve_resources(…)` → `ResourceDependencies`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.errors import ChoreoError

from . import dependencies, endpoints

Manifest = Mapping[str, Any]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cell:
    """The environment of a project, in which dependencies are looked for."""

    namespace: str
    project: str
    environment: str


@dataclass(frozen=True, slots=True)
class Connections:
    """Endpoint dependencies: who is meant, who answers, who is awaited and why."""

    targets: list[Entry] = field(default_factory=list)
    resolved: list[Entry] = field(default_factory=list)
    pending: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ResourceDependencies:
    """Resource dependencies: who is meant, what templates get, who is awaited and why."""

    targets: list[Entry] = field(default_factory=list)
    items: list[Entry] = field(default_factory=list)
    pending: list[Entry] = field(default_factory=list)


def resolve_connections(
    declared: Sequence[Manifest],
    providers: Mapping[tuple[str, str], Sequence[Manifest]],
    cell: Cell,
) -> Connections:
    """Find the URL behind each declared endpoint dependency.

    `providers` are the ReleaseBindings of the same environment by (project, component).
    """
    connections = Connections()
    for dependency in declared:
        target = {
            "namespace": cell.namespace,
            "project": dependency.get("project") or cell.project,
            "component": dependency["component"],
            "endpoint": dependency["name"],
            "visibility": dependency["visibility"],
        }
        connections.targets.append({**target, "environment": cell.environment})
        found = providers.get((target["project"], target["component"]), ())
        url, reason = _url(found, target)
        if url is not None:
            connections.resolved.append({**target, "url": url})
        else:
            short = {key: value for key, value in target.items() if key != "visibility"}
            connections.pending.append({**short, "reason": reason})
    return connections


def _url(providers: Sequence[Manifest], target: Manifest) -> tuple[Entry | None, str]:
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


def resolve_resources(
    declared: Sequence[Manifest], providers: Mapping[str, Sequence[Manifest]], cell: Cell
) -> ResourceDependencies:
    """Find the outputs behind each declared resource dependency.

    `providers` are the ResourceReleaseBindings of the project and environment by resource.
    """
    found = ResourceDependencies()
    for dependency in declared:
        name = dependency["ref"]
        target = {"namespace": cell.namespace, "project": cell.project, "resourceName": name}
        found.targets.append({**target, "environment": cell.environment})
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
        return None, f'ResourceReleaseBinding "{provider["metadata"]["name"]}" not ready'
    try:
        outputs = (provider.get("status") or {}).get("outputs")
        return dependencies.resource_item(dependency, outputs), ""
    except ChoreoError as error:
        return None, error.message


def _is_ready(binding: Manifest) -> bool:
    generation = binding["metadata"].get("generation")
    return any(
        condition["type"] == "Ready"
        and condition["status"] == "True"
        and condition.get("observedGeneration") == generation
        for condition in (binding.get("status") or {}).get("conditions") or ()
    )
