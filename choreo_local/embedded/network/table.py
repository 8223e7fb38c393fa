"""The route table: what a reverse proxy of a gateway must know. Values only.

Made by `routes`, served by Envoy (`xds`) or in this process (`proxy`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from choreo_local.embedded.network.guards import Guards, Limits, RemoteKeys, Retry


class PathType(StrEnum):
    """How a path is compared."""

    EXACT = "Exact"
    PREFIX = "PathPrefix"
    REGEX = "RegularExpression"


@dataclass(frozen=True, slots=True)
class PathMatch:
    """A condition on the path; a prefix matches whole segments."""

    type: PathType = PathType.PREFIX
    value: str = "/"


@dataclass(frozen=True, slots=True)
class ValueMatch:
    """A condition on a header or query parameter."""

    name: str
    value: str
    regex: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """All conditions of one way to match a request."""

    path: PathMatch = PathMatch()
    method: str = ""
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """What happens to headers, in this order: remove, set, add."""

    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """How the request is rewritten for the backend; None leaves a part as it is.

    Attributes:
        prefix: replaces the matched prefix.
        full_path: replaces the whole path.
        pattern: a regular expression whose match in the path is replaced by `substitution`.
    """

    hostname: str | None = None
    prefix: str | None = None
    full_path: str | None = None
    pattern: str | None = None
    substitution: str = ""


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that sends the client elsewhere; None keeps the part of the request."""

    status: int = 302
    scheme: str | None = None
    hostname: str | None = None
    port: int | None = None
    prefix: str | None = None
    full_path: str | None = None


@dataclass(frozen=True, slots=True)
class Cors:
    """Which other origins' pages may call; `*` in a list allows all."""

    origins: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    credentials: bool = False
    max_age_seconds: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class BackendKey:
    """A port of a Service."""

    namespace: str
    service: str
    port: int

    def __str__(self) -> str:
        """As in messages, and as Envoy marks endpoints."""
        return f"{self.namespace}/{self.service}:{self.port}"


class BackendProtocol(StrEnum):
    """What is spoken to a backend."""

    HTTP1 = "http1"
    HTTP2 = "http2"


@dataclass(frozen=True, slots=True)
class Backend:
    """A Service port and how to speak to it."""

    key: BackendKey
    protocol: BackendProtocol = BackendProtocol.HTTP1


@dataclass(frozen=True, slots=True)
class WeightedBackend:
    """A share of the requests of a rule; no backend means that its share is answered with 500."""

    backend: Backend | None
    weight: int = 1
    request_headers: HeaderChange = HeaderChange()
    response_headers: HeaderChange = HeaderChange()

    @property
    def changes_headers(self) -> bool:
        """Whether requests or answers are changed for this backend alone."""
        return HeaderChange() != self.request_headers or HeaderChange() != self.response_headers


@dataclass(frozen=True, slots=True)
class Session:
    """The requests of a client stay with the instance that answered its first.

    Attributes:
        name: of the cookie or header by which the client comes back.
        seconds: how long a cookie lasts; None until the client forgets it.
        path: the part of the site that a cookie is for.
        joined: the backends of the rule are one, whose instances have weights.
    """

    name: str
    is_cookie: bool = True
    seconds: float | None = None
    path: str = "/"
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy of (a part of) the requests goes to another backend."""

    backend: Backend
    numerator: int = 100
    denominator: int = 100


@dataclass(frozen=True, slots=True)
class Route:
    """One match and what happens to the requests that fulfil it.

    Attributes:
        refusal: why nothing may pass; such a route answers 500.
    """

    name: str
    match: Match
    backends: tuple[WeightedBackend, ...] = ()
    redirect: Redirect | None = None
    rewrite: Rewrite | None = None
    cors: Cors | None = None
    mirrors: tuple[Mirror, ...] = ()
    request_headers: HeaderChange = HeaderChange()
    response_headers: HeaderChange = HeaderChange()
    request_timeout: float | None = None
    backend_timeout: float | None = None
    idle_timeout: float | None = None
    retry: Retry | None = None
    limits: Limits | None = None
    session: Session | None = None
    guards: Guards = field(default_factory=Guards)
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """Backends of one protocol with their weights, and the limits of all together."""

    shares: tuple[tuple[Backend, int], ...]
    limits: Limits | None = None

    @classmethod
    def of(cls, route: Route) -> Joined:
        """The backends of a route."""
        used = [(each.backend, each.weight) for each in route.backends if each.weight > 0]
        return cls(tuple((one, weight) for one, weight in used if one), route.limits)


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """The routes of a host name, the first that matches wins; `*` is any host."""

    hostname: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key pair in PEM."""

    chain: str
    key: str


@dataclass(frozen=True, slots=True)
class PassThrough:
    """TLS connections to a server name go to backends unopened."""

    hostname: str
    backends: tuple[WeightedBackend, ...]


@dataclass(frozen=True, slots=True)
class SecureHost:
    """TLS is ended here for a server name (`*` for any), with these certificates."""

    hostname: str
    certificates: tuple[Certificate, ...]
    hosts: tuple[VirtualHost, ...]


@dataclass(frozen=True, slots=True)
class PortTable:
    """What is served on one port: plain HTTP, or TLS ended here or passed through."""

    port: int
    hosts: tuple[VirtualHost, ...] = ()
    secure: tuple[SecureHost, ...] = ()
    pass_through: tuple[PassThrough, ...] = ()

    @property
    def is_tls(self) -> bool:
        """Whether connections must begin with a TLS handshake."""
        return bool(self.secure or self.pass_through)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """All ports, by number."""

    ports: tuple[PortTable, ...] = ()

    def routes(self) -> tuple[Route, ...]:
        """All routes of all ports."""
        hosts = [host for port in self.ports for host in port.hosts]
        hosts += [host for port in self.ports for one in port.secure for host in one.hosts]
        return tuple(route for host in hosts for route in host.routes)

    def key_sources(self) -> frozenset[RemoteKeys]:
        """From where keys of issuers are fetched."""
        required = [route.guards.jwt for route in self.routes() if route.guards.jwt]
        providers = [provider for jwt in required for provider in jwt.providers]
        return frozenset(provider.remote for provider in providers if provider.remote)

    def apart(self) -> frozenset[tuple[Backend, Limits | None]]:
        """Every backend that cannot share the connections of all others, and its limits."""
        found: set[tuple[Backend, Limits | None]] = set()
        for route in self.routes():
            found |= {(mirror.backend, None) for mirror in route.mirrors}
            joined = route.session is not None and route.session.joined
            if (route.limits or route.session) and not joined:
                found |= {(one.backend, route.limits) for one in route.backends if one.backend}
        return frozenset(found | {(each, None) for each in _key_backends(self.key_sources())})

    def joined(self) -> frozenset[Joined]:
        """Backends that are one for the sessions of a rule."""
        found = [each for each in self.routes() if each.session and each.session.joined]
        return frozenset(Joined.of(each) for each in found)

    def backends(self) -> frozenset[Backend]:
        """Every backend that is named anywhere."""
        found: set[Backend] = set(_key_backends(self.key_sources()))
        for route in self.routes():
            found |= {one.backend for one in route.backends if one.backend}
            found |= {mirror.backend for mirror in route.mirrors}
        for port in self.ports:
            for each in port.pass_through:
                found |= {one.backend for one in each.backends if one.backend}
        return frozenset(found)


def _key_backends(sources: frozenset[RemoteKeys]) -> set[Backend]:
    return {Backend(BackendKey(*each.service)) for each in sources if each.service}


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where an instance of a backend listens."""

    address: str
    port: int
