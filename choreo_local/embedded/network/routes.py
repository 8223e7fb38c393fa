"""Gateway API objects → one route table, and what their statuses must say. Pure.

Used by the gateway controller, which feeds the table to Envoy or to the proxy in this process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from choreo_local.embedded.network import (
    attachment,
    durations,
    filters,
    hostnames,
    matching,
    sessions,
)
from choreo_local.embedded.network import listeners as listeners_module
from choreo_local.embedded.network import references as refs
from choreo_local.embedded.network.attachment import Parent
from choreo_local.embedded.network.filters import Filters
from choreo_local.embedded.network.guards import Retry
from choreo_local.embedded.network.listeners import Listener
from choreo_local.embedded.network.policies import Attachment, Policies
from choreo_local.embedded.network.references import Manifest, ObjectKey, Place, Problem, World
from choreo_local.embedded.network.table import (
    Match,
    PassThrough,
    PortTable,
    Route,
    RouteTable,
    SecureHost,
    Session,
    VirtualHost,
    WeightedBackend,
)

_MOST_RETRIES = 100


@dataclass(frozen=True, slots=True)
class Built:
    """The table, and how each Gateway and route fares.

    Attributes:
        gateways: our Gateways with their listeners.
        parents: the parents of each route that are ours, in the order of `World.routes`.
        policies: all policies, and where they work.
        watched: Secrets and ConfigMaps that policies depend on: kind, namespace, name.
    """

    table: RouteTable
    gateways: tuple[tuple[Manifest, tuple[Listener, ...]], ...]
    parents: tuple[tuple[Manifest, tuple[Parent, ...]], ...]
    policies: tuple[Attachment, ...] = ()
    watched: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Made:
    """A route before policies; `places` are where those of its rule may be attached."""

    route: Route
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class _Rules:
    """The rules of a route, why they are not taken, and what of them is not carried out."""

    built: list[_Made]
    refused: Problem | None
    unresolved: Problem | None
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Hosts:
    """Routes by host name while they are collected."""

    routes: dict[str, list[Route]] = field(default_factory=dict)

    def add(self, names: Iterable[str], found: Sequence[Route]) -> None:
        for name in names:
            self.routes.setdefault(name, []).extend(found)

    def sorted(self) -> tuple[VirtualHost, ...]:
        names = sorted(self.routes, key=lambda name: (hostnames.specificity(name), name))
        return tuple(
            VirtualHost(name, tuple(sorted(self.routes[name], key=matching.precedence)))
            for name in names
        )


def build(world: World) -> Built:
    """The route table of all Gateways of our controller."""
    gateways = [
        (gateway, tuple(listeners_module.of_gateway(world, gateway)))
        for gateway in sorted(_ours(world), key=_age)
    ]
    everything = [each for _, found in gateways for each in found]
    listeners_module.mark_conflicts(everything)
    by_key = {_key(gateway): found for gateway, found in gateways}
    policies = Policies(world)
    routes = sorted(world.routes, key=_age)
    parents = [(route, attachment.parents(world, route, by_key)) for route in routes]
    http: dict[int, _Hosts] = {}
    passing: dict[int, list[PassThrough]] = {}
    for route, found in parents:
        if route["kind"] == "TLSRoute":
            _pass_through(world, route, found, passing)
        elif found:
            _collect(world, route, found, http, policies)
    ports = sorted({each.port for each in everything if each.works})
    table = RouteTable(tuple(_port(port, everything, http, passing) for port in ports))
    return Built(
        table,
        tuple(gateways),
        tuple((route, tuple(found)) for route, found in parents),
        tuple(policies.attachments),
        policies.watched(),
    )


def _ours(world: World) -> list[Manifest]:
    classes = {
        each["metadata"]["name"]
        for each in world.classes
        if each["spec"].get("controllerName") == world.controller_name
    }
    return [each for each in world.gateways if each["spec"].get("gatewayClassName") in classes]


def _key(obj: Manifest) -> ObjectKey:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _route_key(route: Manifest) -> tuple[str, str, str]:
    return route["kind"], *_key(route)


def _age(obj: Manifest) -> tuple[str, ObjectKey]:
    return obj["metadata"].get("creationTimestamp") or "", _key(obj)


def _collect(
    world: World,
    route: Manifest,
    parents: Sequence[Parent],
    http: dict[int, _Hosts],
    policies: Policies,
) -> None:
    """Add the rules of an HTTPRoute or GRPCRoute to the listeners that take it."""
    rules = _rules(world, route)
    for parent in parents:
        parent.refused = parent.refused or rules.refused
        parent.unresolved = rules.unresolved
        parent.notes = rules.notes
        if parent.refused:
            continue
        for listener, names in parent.attached:
            listener.attached.add(_route_key(route))
            guarded = [_guarded(policies, each, listener) for each in rules.built]
            if listener.works:
                http.setdefault(id(listener), _Hosts()).add(names, guarded)


def _guarded(policies: Policies, made: _Made, listener: Listener) -> Route:
    gateway = _key(listener.gateway)
    outer = (("Gateway", *gateway, listener.name), ("Gateway", *gateway, ""))
    return policies.guarded(made.route, policies.at((*made.places, *outer), gateway))


def _rules(world: World, route: Manifest) -> _Rules:
    built: list[_Made] = []
    notes: list[str] = []
    refused: Problem | None = None
    unresolved: Problem | None = None
    is_grpc = route["kind"] == "GRPCRoute"
    for number, rule in enumerate(route["spec"].get("rules") or ({},)):
        found = matching.grpc_matches(rule) if is_grpc else matching.http_matches(rule)
        applied = filters.read(world, route, rule.get("filters"))
        weighted, problem = _weighted(world, route, rule)
        unresolved = unresolved or problem or applied.unresolved
        name = "/".join((*_route_key(route), str(number)))
        wish = sessions.read(rule, weighted, name=name, enforced=world.enforced)
        notes += wish.notes
        fault = found if isinstance(found, Problem) else applied.problem or wish.problem
        if isinstance(found, Problem) or fault:
            refused = refused or fault
            continue
        places = (*applied.policies, *_places(route, rule))
        for index, match in enumerate(found):
            made = _route(f"{name}/{index}", match, rule, applied, weighted)
            made = replace(made, session=_session(wish.session, match, weighted))
            built.append(_Made(made, places))
    return _Rules(built, refused, unresolved, tuple(dict.fromkeys(notes)))


def _session(
    session: Session | None, match: Match, backends: Sequence[WeightedBackend]
) -> Session | None:
    if session is None:
        return None
    path = sessions.cookie_path(match.path)
    return replace(session, path=path, joined=sessions.can_join(backends))


def _places(route: Manifest, rule: Manifest) -> tuple[Place, ...]:
    whole = (*_route_key(route), "")
    return ((*_route_key(route), rule["name"]), whole) if rule.get("name") else (whole,)


def _route(
    name: str, match: Match, rule: Manifest, applied: Filters, weighted: tuple[WeightedBackend, ...]
) -> Route:
    timeouts: Mapping[str, str] = rule.get("timeouts") or {}
    return Route(
        name=name,
        match=match,
        backends=weighted,
        redirect=applied.redirect,
        rewrite=applied.rewrite,
        cors=applied.cors,
        mirrors=applied.mirrors,
        request_headers=applied.request_headers,
        response_headers=applied.response_headers,
        request_timeout=durations.seconds(timeouts.get("request")),
        backend_timeout=durations.seconds(timeouts.get("backendRequest")),
        retry=_retry(rule),
        refusal=applied.refusal,
    )


def _retry(rule: Manifest) -> Retry | None:
    wanted: Manifest | None = rule.get("retry")
    if wanted is None:
        return None
    return Retry(
        attempts=min(int(wanted.get("attempts", 1)), _MOST_RETRIES),
        codes=tuple(int(each) for each in wanted.get("codes") or ()),
        base_interval=durations.seconds(wanted.get("backoff")),
    )


def _weighted(
    world: World, route: Manifest, rule: Manifest
) -> tuple[tuple[WeightedBackend, ...], Problem | None]:
    """The backends of a rule, with a hole where one cannot be used, and the first reason."""
    result: list[WeightedBackend] = []
    problem: Problem | None = None
    for reference in rule.get("backendRefs") or ():
        backend = refs.resolve(world, route, reference)
        if isinstance(backend, Problem):
            problem = problem or backend
            result.append(WeightedBackend(None, int(reference.get("weight", 1))))
            continue
        applied = filters.read_of_backend(world, route, reference.get("filters"))
        # Without its filters the backend would get what it must not.
        problem = problem or applied.problem or applied.unresolved
        usable = not (applied.problem or applied.refusal)
        result.append(
            WeightedBackend(
                backend if usable else None,
                int(reference.get("weight", 1)),
                applied.request_headers,
                applied.response_headers,
            )
        )
    return tuple(result), problem


def _pass_through(
    world: World,
    route: Manifest,
    parents: Sequence[Parent],
    passing: dict[int, list[PassThrough]],
) -> None:
    rules: Sequence[Manifest] = route["spec"].get("rules") or [{}]
    weighted, problem = _weighted(world, route, rules[0])
    for parent in parents:
        parent.unresolved = problem
        if parent.refused:
            continue
        for listener, names in parent.attached:
            listener.attached.add(_route_key(route))
            if listener.works:
                found = passing.setdefault(id(listener), [])
                found += [PassThrough(name, weighted) for name in names]


def _port(
    port: int,
    everything: Sequence[Listener],
    http: Mapping[int, _Hosts],
    passing: Mapping[int, Sequence[PassThrough]],
) -> PortTable:
    plain = _Hosts()
    secure: list[SecureHost] = []
    pass_through: dict[str, PassThrough] = {}
    for listener in everything:
        if listener.port != port or not listener.works:
            continue
        hosts = http.get(id(listener), _Hosts())
        if listener.protocol == "HTTP":
            for name, found in hosts.routes.items():
                plain.add([name], found)
        elif listener.protocol == "HTTPS":
            name = listener.hostname or hostnames.ANY
            secure.append(SecureHost(name, listener.certificates, hosts.sorted()))
        for each in passing.get(id(listener), ()):
            # The oldest route keeps a server name.
            pass_through.setdefault(each.hostname, each)
    secure.sort(key=lambda each: (hostnames.specificity(each.hostname), each.hostname))
    return PortTable(port, plain.sorted(), tuple(secure), tuple(pass_through.values()))
