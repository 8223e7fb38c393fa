"""Routes to listeners: which parentRef reaches which listener, and why not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from choreo_local.embedded.network import hostnames, listeners, references
from choreo_local.embedded.network.listeners import Listener
from choreo_local.embedded.network.references import Manifest, ObjectKey, Problem, World


@dataclass(slots=True)
class Parent:
    """One parentRef of a route that means a Gateway of ours.

    Attributes:
        attached: the listeners, and the host names that each serves for the route.
        refused: why no listener takes the route.
        unresolved: which backend of the route cannot be used.
        notes: what the route asks for and does not get, although it is served.
    """

    reference: Manifest
    attached: list[tuple[Listener, tuple[str, ...]]] = field(default_factory=list)
    refused: Problem | None = None
    unresolved: Problem | None = None
    notes: tuple[str, ...] = ()


def parents(
    world: World, route: Manifest, gateways: Mapping[ObjectKey, Sequence[Listener]]
) -> list[Parent]:
    """The parents of a route that are Gateways of ours."""
    found = []
    for reference in route["spec"].get("parentRefs") or ():
        group = reference.get("group", references.GROUP)
        if (group, reference.get("kind", "Gateway")) != (references.GROUP, "Gateway"):
            continue
        namespace = reference.get("namespace") or route["metadata"]["namespace"]
        candidates = gateways.get((namespace, reference["name"]))
        if candidates is not None:
            found.append(_parent(world, route, reference, candidates))
    return found


def _parent(
    world: World, route: Manifest, reference: Manifest, candidates: Sequence[Listener]
) -> Parent:
    parent = Parent(reference)
    named = [each for each in candidates if _is_meant(reference, each)]
    if not named:
        parent.refused = Problem("NoMatchingParent", "the Gateway has no such listener")
        return parent
    allowing = [each for each in named if listeners.allows(world, each, route)]
    if not allowing:
        message = "no listener takes routes of this kind and namespace"
        parent.refused = Problem("NotAllowedByListeners", message)
        return parent
    wanted = route["spec"].get("hostnames") or ()
    for each in allowing:
        served = hostnames.intersection(each.hostname, wanted)
        if served:
            parent.attached.append((each, served))
    if not parent.attached:
        message = "no listener serves any of the route's host names"
        parent.refused = Problem("NoMatchingListenerHostname", message)
    return parent


def _is_meant(reference: Manifest, listener: Listener) -> bool:
    section, port = reference.get("sectionName"), reference.get("port")
    return section in (None, "", listener.name) and port in (None, listener.port)
