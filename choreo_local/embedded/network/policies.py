"""Policies attached to routes and Gateways: which apply where, and what comes of them. Pure.

A rule's policy wins over its route's, that over a listener's, and that over its Gateway's; among
policies of one place the oldest wins. TrafficPolicies of several places add up field by field,
while one of Envoy Gateway's kinds hides those of its kind in less specific places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from choreo_local.embedded.network import guards, references, securitypolicies, trafficpolicies
from choreo_local.embedded.network.effects import Effect, HeaderChanges, Reading
from choreo_local.embedded.network.references import Manifest, ObjectKey, Place, World
from choreo_local.embedded.network.selectors import matches_labels
from choreo_local.embedded.network.table import Cors, HeaderChange, Rewrite, Route

_HIDING = ("SecurityPolicy", "BackendTrafficPolicy")
_NO_ENVOY = "needs Envoy, which is not available on this platform"


@dataclass(slots=True)
class Attachment:
    """A policy, how it was understood, and where it works.

    Attributes:
        gateways: those with routes that it works on.
        missing: a target that does not exist.
        hidden_by: the policy that is obeyed instead in one of its places.
    """

    policy: Manifest
    reading: Reading
    gateways: set[ObjectKey] = field(default_factory=set)
    missing: Manifest | None = None
    hidden_by: str = ""

    @property
    def kind(self) -> str:
        """Of the policy."""
        return str(self.policy["kind"])


class Policies:
    """All policies of a world, by the places that they are for."""

    def __init__(self, world: World) -> None:
        self._enforced = world.enforced
        self.attachments: list[Attachment] = []
        self._by_place: dict[Place, list[Attachment]] = {}
        for policy in sorted(world.policies, key=_age):
            read = (
                trafficpolicies.read if policy["kind"] == "TrafficPolicy" else securitypolicies.read
            )
            attachment = Attachment(policy, read(world, policy), missing=_missing(world, policy))
            self.attachments.append(attachment)
            for place in _places(world, policy):
                self._by_place.setdefault(place, []).append(attachment)

    def watched(self) -> frozenset[tuple[str, str, str]]:
        """Secrets and ConfigMaps that policies depend on."""
        return frozenset(each for one in self.attachments for each in one.reading.watched)

    def at(self, places: Iterable[Place], gateway: ObjectKey) -> dict[str, Effect]:
        """What holds for requests to which all these places apply, the most specific first."""
        if not self._by_place:
            return {}
        merged: dict[str, Effect] = {}
        hiding: dict[str, str] = {}
        for place in places:
            for each in self._by_place.get(place, ()):
                each.gateways.add(gateway)
                if each.kind in hiding:
                    each.hidden_by = each.hidden_by or hiding[each.kind]
                    continue
                if each.kind in _HIDING:
                    metadata = each.policy["metadata"]
                    hiding[each.kind] = f"{metadata['namespace']}/{metadata['name']}"
                for name, effect in each.reading.effects.items():
                    merged.setdefault(name, effect)
        return merged

    def guarded(self, route: Route, effects: Mapping[str, Effect]) -> Route:
        """A route with the effects on it."""
        return _guarded(route, effects, enforced=self._enforced) if effects else route


def _age(policy: Manifest) -> tuple[str, str, str]:
    metadata = policy["metadata"]
    return metadata.get("creationTimestamp") or "", metadata["namespace"], metadata["name"]


def _places(world: World, policy: Manifest) -> Iterator[Place]:
    namespace = policy["metadata"]["namespace"]
    # By its own name it is meant by filters of type ExtensionRef.
    yield policy["kind"], namespace, policy["metadata"]["name"], ""
    for target in _targets(policy):
        yield target["kind"], namespace, target["name"], target.get("sectionName") or ""
    for selector in policy["spec"].get("targetSelectors") or ():
        section = selector.get("sectionName") or ""
        for each in _selected(world, selector, namespace):
            yield each["kind"], namespace, each["metadata"]["name"], section


def _targets(policy: Manifest) -> list[Manifest]:
    spec = policy["spec"]
    named = [spec["targetRef"]] if spec.get("targetRef") else []
    named += spec.get("targetRefs") or ()
    return [each for each in named if each.get("group", references.GROUP) == references.GROUP]


def _missing(world: World, policy: Manifest) -> Manifest | None:
    """The first target, or section of one, that does not exist."""
    namespace = policy["metadata"]["namespace"]
    known = {
        (each["kind"], each["metadata"]["name"]): _sections(each)
        for each in (*world.routes, *world.gateways)
        if each["metadata"]["namespace"] == namespace
    }
    for target in _targets(policy):
        sections = known.get((target["kind"], target["name"]), set())
        if (target.get("sectionName") or "") not in sections:
            return target
    return None


def _sections(obj: Manifest) -> set[str]:
    """The listeners of a Gateway or rules of a route by name, and the whole, which has none."""
    parts = obj["spec"].get("listeners" if obj["kind"] == "Gateway" else "rules") or ()
    return {"", *(each["name"] for each in parts if each.get("name"))}


def _selected(world: World, selector: Manifest, namespace: str) -> Iterator[Manifest]:
    candidates: Sequence[Manifest] = [*world.routes, *world.gateways]
    for each in candidates:
        metadata = each["metadata"]
        is_meant = each["kind"] == selector.get("kind") and metadata["namespace"] == namespace
        if is_meant and matches_labels(selector, metadata.get("labels") or {}):
            yield each


def _guarded(route: Route, effects: Mapping[str, Effect], *, enforced: bool) -> Route:
    refusals = [each.reason for each in effects.values() if isinstance(each, guards.Refused)]
    found = _guards(effects)
    if found != guards.Guards() and not enforced:
        refusals.append(_NO_ENVOY)
    if refusals:
        return replace(route, refusal="; ".join(refusals))
    rewrite, cors = effects.get("urlRewrite"), effects.get("cors")
    changes, timeouts = effects.get("headerModifiers"), effects.get("timeouts")
    retry, limits = effects.get("retry"), effects.get("circuitBreaker")
    if isinstance(rewrite, Rewrite) and not (route.rewrite or route.redirect):
        route = replace(route, rewrite=rewrite)
    if isinstance(cors, Cors) and route.cors is None:
        route = replace(route, cors=cors)
    if isinstance(changes, HeaderChanges):
        route = replace(
            route,
            request_headers=_both(route.request_headers, changes.request),
            response_headers=_both(route.response_headers, changes.response),
        )
    if isinstance(timeouts, guards.Timeouts):
        own = route.request_timeout
        total = timeouts.request if own is None else own
        route = replace(route, request_timeout=total, idle_timeout=timeouts.idle)
    if isinstance(retry, guards.Retry) and route.retry is None:
        route = replace(route, retry=retry)
    if isinstance(limits, guards.Limits):
        route = replace(route, limits=limits)
    return replace(route, guards=found)


def _both(own: HeaderChange, policy: HeaderChange) -> HeaderChange:
    """The route's own changes win over those of the policy for the same name."""
    names = {name.lower() for name, _ in own.set}
    added = tuple(pair for pair in policy.set if pair[0].lower() not in names)
    return HeaderChange(own.set + added, own.add + policy.add, own.remove + policy.remove)


def _guards(effects: Mapping[str, Effect]) -> guards.Guards:
    jwt, access = effects.get("jwt"), effects.get("access")
    basic, keys = effects.get("basicAuth"), effects.get("apiKeyAuth")
    rate, buffer = effects.get("rateLimit"), effects.get("buffer")
    return guards.Guards(
        jwt=jwt if isinstance(jwt, guards.Jwt) else None,
        access=access if isinstance(access, guards.Access) else None,
        basic=basic if isinstance(basic, guards.BasicAuth) else None,
        api_keys=keys if isinstance(keys, guards.ApiKeys) else None,
        rate=rate if isinstance(rate, guards.RateLimit) else None,
        buffer=buffer if isinstance(buffer, guards.Buffer) else None,
    )
