"""The words of OAuth 2.0: its errors, what an authorization request asks for, PKCE; pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlencode, urlsplit

from choreo_local.identity.directory import AUTHORIZATION_CODE, Client, Directory

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST = 2048


class OAuthError(Exception):
    """A refusal as the specification words it.

    Attributes:
        code: e.g. `invalid_grant`.
        redirect: where the browser is sent with it; "" when nobody may be sent anywhere.
    """

    def __init__(
        self, code: str, description: str, *, status: int = 400, redirect: str = ""
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.status = status
        self.redirect = redirect


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a program asks of a person.

    Attributes:
        challenge: PKCE, method S256.
    """

    client: str
    redirect: str
    challenge: str
    scopes: tuple[str, ...]
    state: str = ""
    nonce: str = ""

    def answered(self, **members: str) -> str:
        """The address that the browser is sent to."""
        return answered(self.redirect, {**members, "state": self.state})


def authorization(given: Mapping[str, str], directory: Directory) -> Authorization:
    """Read an authorization request.

    Raises:
        OAuthError: with a redirect only where client and address fit together.
    """
    if any(len(value) > _LONGEST for value in given.values()):
        raise OAuthError("invalid_request", "a parameter is too long")
    client = directory.clients.get(given.get("client_id", ""))
    if client is None:
        raise OAuthError("invalid_request", "unknown client_id")
    redirect = given.get("redirect_uri", "")
    if not client.accepts(redirect):
        raise OAuthError("invalid_request", "redirect_uri is not registered for this client")
    asked = Authorization(
        client=client.id,
        redirect=redirect,
        challenge=given.get("code_challenge", ""),
        scopes=granted(client, given.get("scope", "")),
        state=given.get("state", ""),
        nonce=given.get("nonce", ""),
    )
    problem = _problem(client, given)
    if problem is not None:
        code, description = problem
        target = asked.answered(error=code, error_description=description)
        raise OAuthError(code, description, redirect=target)
    return asked


def _problem(client: Client, given: Mapping[str, str]) -> tuple[str, str] | None:
    if given.get("response_type") != "code":
        return "unsupported_response_type", "response_type must be code"
    if AUTHORIZATION_CODE not in client.grants:
        return "unauthorized_client", "this client may not ask people"
    if given.get("code_challenge_method") != "S256":
        return "invalid_request", "code_challenge_method must be S256"
    if _CHALLENGE.fullmatch(given.get("code_challenge", "")) is None:
        return "invalid_request", "code_challenge is missing or malformed"
    return None


def granted(client: Client, scope: str) -> tuple[str, ...]:
    """The scopes that a client gets of those it asks for; all of its own when it asks for none."""
    asked = scope.split()
    return tuple(each for each in client.scopes if not asked or each in asked)


def is_proven(challenge: str, verifier: str) -> bool:
    """Whether a verifier is the one that the challenge was made of."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(made, challenge)


def answered(redirect: str, members: Mapping[str, str]) -> str:
    """An address with what is told to it."""
    told = urlencode({name: value for name, value in members.items() if value})
    return f"{redirect}{'&' if urlsplit(redirect).query else '?'}{told}"


def basic(header: str) -> tuple[str, str] | None:
    """Client and secret of an Authorization header; None when it holds none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        raise OAuthError("invalid_client", "malformed Authorization", status=401) from None
    name, colon, secret = text.partition(":")
    return (unquote_plus(name), unquote_plus(secret)) if colon else None
