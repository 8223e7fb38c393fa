"""Answers the challenges of registries: Basic, and tokens of the distribution specification."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from choreo_local.images import challenges, hosts, transport
from choreo_local.images.challenges import Challenge
from choreo_local.images.credentials import Credential
from choreo_local.images.failures import Denied
from choreo_local.images.hosts import Endpoint
from choreo_local.images.transport import Transport

_CLIENT_ID = "choreo"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository at one endpoint, as one user or as nobody."""

    endpoint: Endpoint
    path: str
    credential: Credential | None = None

    def url(self, rest: str) -> str:
        """The address of something in it."""
        return f"{self.endpoint.url}/v2/{self.path}/{rest}"


async def authorization(
    repository: Repository, headers: Sequence[str], sender: Transport
) -> str | None:
    """The `Authorization` that answers a challenge; None when there is nothing to answer with."""
    for challenge in challenges.parse(headers):
        if challenge.scheme == "bearer" and challenge.parameters.get("realm"):
            return await _bearer(repository, challenge, sender)
        if challenge.scheme == "basic" and _has_password(repository.credential):
            assert repository.credential is not None
            return _basic(repository.credential)
    return None


def _has_password(credential: Credential | None) -> bool:
    return credential is not None and bool(credential.username) and not credential.identity_token


def _basic(credential: Credential) -> str:
    words = f"{credential.username}:{credential.password}".encode()
    return "Basic " + base64.b64encode(words).decode()


async def _bearer(repository: Repository, challenge: Challenge, sender: Transport) -> str:
    realm = challenge.parameters["realm"]
    _check_realm(realm, repository.endpoint)
    scope = challenge.parameters.get("scope") or f"repository:{repository.path}:pull"
    asked = {"service": challenge.parameters.get("service", ""), "scope": scope}
    credential = repository.credential
    if credential is not None and credential.identity_token:
        return await _refreshed(realm, asked, credential, sender)
    headers = {}
    if _has_password(credential):
        assert credential is not None
        headers["Authorization"] = _basic(credential)
    url = _with_query(realm, {key: value for key, value in asked.items() if value})
    who = "anonymous" if credential is None else "oauth"
    return await _token(sender, "GET", url, headers=headers, who=who)


async def _refreshed(
    realm: str, asked: Mapping[str, str], credential: Credential, sender: Transport
) -> str:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": credential.identity_token,
        "client_id": _CLIENT_ID,
        **asked,
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    data = urlencode(form)
    return await _token(sender, "POST", realm, headers=headers, data=data, who="oauth")


async def _token(
    sender: Transport,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    who: str,
    data: str | None = None,
) -> str:
    async with sender.send(method, url, headers=headers, data=data) as answer:
        try:
            transport.check(answer, method)
        except Denied as error:
            raise Denied(
                f"failed to authorize: failed to fetch {who} token: {error.message}"
            ) from error
        content = await answer.read(_MOST_BYTES)
    try:
        found = orjson.loads(content)
        token = found.get("token") or found.get("access_token")
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise Denied(
            f"failed to authorize: {transport.shown(url)} answered no token: {error}"
        ) from error
    if not isinstance(token, str) or not token.isprintable() or not token.isascii():
        raise Denied(f"failed to authorize: {transport.shown(url)} answered no token")
    return f"Bearer {token}"


def _check_realm(realm: str, endpoint: Endpoint) -> None:
    """Passwords go to the realm, so it must be no weaker than the registry itself."""
    parts = urlsplit(realm)
    is_safe = parts.scheme == "https" or (
        parts.scheme == "http" and endpoint.is_plain and _is_near(parts.netloc, endpoint)
    )
    if not is_safe or not parts.hostname:
        raise Denied(f"failed to authorize: {endpoint.host} names an unsafe realm {realm[:200]!r}")


def _is_near(host: str, endpoint: Endpoint) -> bool:
    return host == endpoint.host or hosts.is_loopback(host)


def _with_query(url: str, more: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    query = [*parse_qsl(parts.query), *more.items()]
    return urlunsplit(parts._replace(query=urlencode(query)))
