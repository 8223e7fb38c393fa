"""Who calls, and what they may do: bearer token → subject → access.

`authenticated` is the one dependency of every route that is not public.

Also the check of the Host header: a page on the internet must not reach an API on this machine by
letting its own name point here.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from choreo_local.api.rest import TokenErrorCode
from choreo_local.apiserver import problems
from choreo_local.apiserver.audit import Noting
from choreo_local.authz.types import OWNER, Subject
from choreo_local.errors import BadRequestError, ForbiddenError, UnauthorizedError
from choreo_local.identity.claims import SUBJECT_TYPES, SubjectType
from choreo_local.identity.provider import Provider
from choreo_local.identity.remotekeys import ExternalIssuers
from choreo_local.identity.tokens import Verifier
from choreo_local.services.access import Access
from choreo_local.services.authorized import AuthorizedObjects

# The header in which the owner says whom they act as.
PERSONA = "choreo-as"
# Given the token of a request, if it has one; raises UnauthorizedError with a `TokenErrorCode`.
# None is somebody whom nobody recognised, which only an instance without security lets in.
Authenticate = Callable[[str | None], Subject | None]


def owner_token(token: str) -> Authenticate:
    """Knows one token, that of the instance's owner."""
    expected = token.encode()

    def authenticate(given: str | None) -> Subject:
        if not given:
            raise UnauthorizedError(
                "missing or invalid authentication token", reason=TokenErrorCode.MISSING_TOKEN
            )
        if not hmac.compare_digest(given.encode(errors="surrogateescape"), expected):
            raise UnauthorizedError("invalid or expired token", reason=TokenErrorCode.INVALID_TOKEN)
        return OWNER

    return authenticate


def owner_or_signed(
    token: str,
    provider: Provider,
    elsewhere: ExternalIssuers | None = None,
    types: Sequence[SubjectType] = SUBJECT_TYPES,
) -> Authenticate:
    """Knows the owner's token, and those that the provider or issuers elsewhere signed."""
    owner = owner_token(token)
    others = elsewhere.issuers if elsewhere is not None else ()

    def authenticate(given: str | None) -> Subject | None:
        # A signed token has two dots; the owner's has none.
        if given and given.count(".") == 2:
            return Verifier([provider.issuer(), *others], types).subject(given)
        return owner(given)

    return authenticate


async def authenticated(request: HTTPConnection) -> None:
    """The dependency: who sent this request."""
    token = _bearer(request.headers.get("authorization", ""))
    elsewhere: ExternalIssuers | None = request.app.state.elsewhere
    if elsewhere is not None:
        await elsewhere.prepare(token)
    authenticate: Authenticate = request.app.state.authenticate
    subject = authenticate(token)
    persona = request.headers.get(PERSONA)
    request.state.subject = _as(request, subject, persona) if persona else subject


def _as(request: HTTPConnection, subject: Subject | None, persona: str) -> Subject:
    """The owner may act as any user, to see what that user sees."""
    if subject != OWNER:
        raise ForbiddenError("only the owner of the instance may act as somebody else")
    provider: Provider | None = request.app.state.identity
    user = provider.directory.persona(persona) if provider else None
    if user is None:
        raise BadRequestError(
            f'there is no user "{persona}"', remedy="See which there are: choreo login --help"
        )
    return Subject("user", "groups", user.groups, id=user.name)


def access(request: HTTPConnection) -> Access:
    """What the sender of a request may do."""
    state = request.app.state
    decisions = Noting(state.decisions, request.scope.setdefault("state", {}))
    return Access(decisions, request.state.subject, state.services.objects)


def objects(request: HTTPConnection) -> AuthorizedObjects:
    """The objects of every kind, as the sender of a request may use them."""
    return AuthorizedObjects(request.app.state.services.objects, access(request))


def _bearer(header: str) -> str | None:
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class LocalHosts:
    """Refuses requests whose Host is neither a name of this machine nor one that was allowed."""

    def __init__(self, app: ASGIApp, *, allowed: Iterable[str] = ()) -> None:
        self._app = app
        self._allowed = {"localhost", "127.0.0.1", "::1", *allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] in {"http", "websocket"} and not self._is_allowed(_host(scope)):
            response = problems.text_response("this host name is not served here", status=403)
            await response(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_allowed(self, host: str) -> bool:
        return host in self._allowed or host.endswith(".localhost")


def _host(scope: Scope) -> str:
    """The host name of a request, lower case, without port and brackets."""
    given = next((value for name, value in scope["headers"] if name == b"host"), b"")
    text = given.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].rstrip(".")
