"""What policies ask of the requests of a route: who may come, how often, how failures are met.

Values only. Made by `trafficpolicies` and `securitypolicies`, put on routes by `policies`, carried
out by Envoy (`xds_guards`). Some of them hold secrets, so nothing here is ever logged.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class RemoteKeys:
    """Where the public keys of an issuer are fetched.

    Attributes:
        url: the whole address.
        service: namespace, name and port of the Service that serves it; None where the host of
            `url` does.
    """

    url: str
    service: tuple[str, str, int] | None = None
    cache_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class JwtProvider:
    """An issuer of tokens and how its tokens are found and checked.

    Attributes:
        issuer: the `iss` that tokens must have; empty takes any.
        audiences: one of them must be in `aud`; none takes any.
        keys: the key set itself, where it is not fetched.
        headers: names and prefixes of headers that hold the token.
        claims: claim → header that the backend gets it in.
    """

    name: str
    issuer: str = ""
    audiences: tuple[str, ...] = ()
    keys: str = ""
    remote: RemoteKeys | None = None
    headers: tuple[tuple[str, str], ...] = ()
    parameters: tuple[str, ...] = ()
    cookies: tuple[str, ...] = ()
    claims: tuple[tuple[str, str], ...] = ()
    forward: bool = False


@dataclass(frozen=True, slots=True)
class Jwt:
    """A valid token of one of the providers must come with a request.

    Attributes:
        name: of the policy; unique among all.
        optional: a request without any token passes too.
    """

    name: str
    providers: tuple[JwtProvider, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim of a verified token, by its path, with one of some values."""

    path: tuple[str, ...]
    values: tuple[str, ...]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is allowed or refused; all that is given must fit.

    Attributes:
        cidrs: addresses of clients.
        provider: whose tokens `scopes` and `claims` are about, as `policy/provider`.
        scopes: all of them.
        claims: all of them.
        headers: one of the values for each name.
    """

    allow: bool
    cidrs: tuple[str, ...] = ()
    provider: str = ""
    scopes: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """The first rule that fits decides."""

    rules: tuple[Rule, ...]
    allow: bool = False


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """Names and hashed passwords, a line each, in the form of htpasswd with SHA-1."""

    users: str


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Keys of clients and where requests carry them.

    Attributes:
        clients: client and its key.
        sources: `header`, `query` or `cookie`, and a name.
        header: gets the name of the client.
    """

    clients: tuple[tuple[str, str], ...]
    sources: tuple[tuple[str, str], ...]
    header: str = ""
    forward: bool = False


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A bucket of tokens, one of which each request takes."""

    tokens: int
    per_fill: int
    fill_seconds: float


@dataclass(frozen=True, slots=True)
class Buffer:
    """A request is taken whole before it goes on, up to this size."""

    size: int


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and upon what a request is tried again; conditions are named as in Envoy."""

    attempts: int = 1
    conditions: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    try_timeout: float | None = None
    base_interval: float | None = None
    max_interval: float | None = None


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; None leaves them alone, 0 is without end."""

    request: float | None = None
    idle: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be under way to a backend at once; None is without limit."""

    connections: int | None = None
    pending: int | None = None
    requests: int | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """What was asked cannot be carried out, so that nothing may pass."""

    reason: str


class Off(StrEnum):
    """A less specific policy is switched off."""

    OFF = "Off"


@dataclass(frozen=True, slots=True)
class Guards:
    """All that stands before a route."""

    jwt: Jwt | None = None
    access: Access | None = None
    basic: BasicAuth | None = None
    api_keys: ApiKeys | None = None
    rate: RateLimit | None = None
    buffer: Buffer | None = None
