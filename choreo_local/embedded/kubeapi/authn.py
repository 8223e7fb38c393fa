"""Who is calling: client certificates, bearer tokens, impersonation; else anonymous."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from choreo_local.embedded.kubeapi.messages import ANONYMOUS, Request, User
from choreo_local.errors import UnauthorizedError

_AUTHENTICATED = "system:authenticated"

# token → user, or None when it does not know the token; raises UnauthorizedError for a bad one.
TokenCheck = Callable[[str], User | None]


class Authenticator:
    """Reads the credentials of requests.

    Args:
        tokens: static tokens of the composition root.
    """

    def __init__(self, tokens: Mapping[str, User]) -> None:
        self._tokens = dict(tokens)
        self.checks: list[TokenCheck] = []

    def authenticate(self, request: Request) -> User:
        """The caller; UnauthorizedError for credentials that are not valid."""
        token = bearer_token(request)
        if not token:
            return ANONYMOUS
        try:
            user = self.check_token(token)
        except UnauthorizedError as error:
            # Why a token is refused is not for whoever holds it to know.
            raise UnauthorizedError("Unauthorized") from error
        if user is None:
            raise UnauthorizedError("Unauthorized")
        return user

    def check_token(self, token: str) -> User | None:
        """The user of a bearer token, None when nobody knows it."""
        user = self._tokens.get(token)
        for check in self.checks:
            if user is None:
                user = check(token)
        return None if user is None else authenticated(user)


def authenticated(user: User) -> User:
    """The user with the group that every known caller is in."""
    if _AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, _AUTHENTICATED))


def bearer_token(request: Request) -> str:
    """The token of the Authorization header, empty when there is none."""
    kind, _, token = request.header("authorization").strip().partition(" ")
    if kind.lower() != "bearer":
        return ""
    return token.strip()
