"""What routes and their policies say of themselves: why requests do not come through; pure.

The words are those of the Gateway API, so they are the same whatever controller wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from choreo_local.apimachinery import conditions
from choreo_local.apimachinery.gvk import ResourceKind

Manifest = Mapping[str, Any]

GATEWAY_GROUP: Final = "gateway.networking.k8s.io"
ROUTE_KINDS: Final = frozenset({"HTTPRoute", "GRPCRoute", "TLSRoute"})
POLICIES: Final = (
    ResourceKind("gateway.kgateway.dev", "v1alpha1", "TrafficPolicy", "trafficpolicies"),
    ResourceKind("gateway.envoyproxy.io", "v1alpha1", "SecurityPolicy", "securitypolicies"),
    ResourceKind(
        "gateway.envoyproxy.io", "v1alpha1", "BackendTrafficPolicy", "backendtrafficpolicies"
    ),
)
# What an obstacle is about.
ROUTE, BACKEND, GATEWAY, POLICY = "route", "backend", "gateway", "policy"
_NO_GATEWAY = "no Gateway has taken it: the one that it names does not exist, or nobody serves it"
# In the order in which they are worth telling: type, the status that is good, the fix.
_ROUTE_CONDITIONS: Final = (
    ("Accepted", "True", ROUTE),
    ("ResolvedRefs", "True", BACKEND),
    ("PartiallyInvalid", "False", ROUTE),
)
_POLICY_CONDITIONS: Final = (("Accepted", "True", POLICY), ("Attached", "True", POLICY))


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why requests do not come through.

    Attributes:
        about: `route`, `backend`, `gateway` or `policy`; what has to be mended.
    """

    about: str
    reason: str
    message: str


def is_route(manifest: Manifest) -> bool:
    """Whether an object is a route of the Gateway API."""
    group = str(manifest.get("apiVersion") or "").partition("/")[0]
    return group == GATEWAY_GROUP and manifest.get("kind") in ROUTE_KINDS


def of_route(route: Manifest) -> Obstacle | None:
    """What keeps a route from being served as it stands."""
    parents = (route.get("status") or {}).get("parents") or ()
    if not parents:
        return Obstacle(GATEWAY, "not attached", _NO_GATEWAY)
    return _first(route, parents, _ROUTE_CONDITIONS)


def of_policy(policy: Manifest) -> Obstacle | None:
    """What keeps a policy from being carried out, or has its routes closed."""
    ancestors = (policy.get("status") or {}).get("ancestors") or ()
    return _first(policy, ancestors, _POLICY_CONDITIONS)


def _first(
    obj: Manifest, places: Iterable[Manifest], good: Sequence[tuple[str, str, str]]
) -> Obstacle | None:
    generation = (obj.get("metadata") or {}).get("generation")
    for type_, wanted, about in good:
        for place in places:
            found = conditions.find(place.get("conditions") or (), type_)
            if found is None or found.get("status") == wanted:
                continue
            # What was said of an older state may be mended by now.
            if found.get("observedGeneration", generation) == generation:
                reason, message = str(found.get("reason") or ""), str(found.get("message") or "")
                return Obstacle(about, reason, message)
    return None


def attached(
    policies: Iterable[dict[str, Any]], routes: Sequence[Manifest]
) -> Iterator[dict[str, Any]]:
    """The policies that name one of the routes."""
    known = {
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in routes
    }
    for policy in policies:
        namespace = policy["metadata"].get("namespace")
        if any((kind, namespace, name) in known for kind, name in _targets(policy)):
            yield policy


def _targets(policy: Manifest) -> Iterator[tuple[Any, Any]]:
    spec = policy.get("spec") or {}
    named = [spec["targetRef"]] if spec.get("targetRef") else []
    for target in (*named, *(spec.get("targetRefs") or ())):
        yield target.get("kind"), target.get("name")
