"""Access tokens: signed claims, and the check of what somebody presents as one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from choreo_local import clock
from choreo_local.api.rest import TokenErrorCode
from choreo_local.authz.types import Subject
from choreo_local.errors import UnauthorizedError
from choreo_local.identity import claims as claiming
from choreo_local.identity.keys import ALGORITHM, SigningKeys

# No token of ours comes near it; what is longer is not even decoded.
_LONGEST = 16 * 1024

KeyFinder = Callable[[str], RSAKey | None]


def sign(keys: SigningKeys, claims: Mapping[str, Any]) -> str:
    """A token with these claims."""
    key = keys.current()
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}
    return jwt.encode(header, dict(claims), key, algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens, and how they are checked.

    Attributes:
        url: must equal the claim `iss`, byte by byte.
        find_key: the key of a name, if there is one.
        audiences: one of them must be meant; none is asked for where this is empty.
    """

    url: str
    find_key: KeyFinder
    audiences: tuple[str, ...] = ()


class Verifier:
    """Finds out whose token somebody presents.

    Args:
        issuers: those that are trusted.
    """

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._issuers = tuple(issuers)

    def subject(self, token: str) -> Subject:
        """Who presents a token.

        Raises:
            UnauthorizedError: with a `TokenErrorCode`; the text does not tell an attacker more.
        """
        content, issuer = self._verified(token)
        now = clock.unix()
        if _time(content, "exp") <= now or _time(content, "nbf", missing=0) > now:
            raise _refused()
        if content.get("iss") != issuer.url or not _is_meant(content.get("aud"), issuer.audiences):
            raise UnauthorizedError(
                "token claims validation failed", reason=TokenErrorCode.INVALID_CLAIMS
            )
        subject = claiming.subject_of(content)
        if subject is None:
            raise UnauthorizedError(
                "Failed to resolve subject from token", reason=TokenErrorCode.INVALID_CLAIMS
            )
        return subject

    def _verified(self, token: str) -> tuple[Mapping[str, Any], Issuer]:
        kid = _key_id(token)
        for issuer in self._issuers:
            key = issuer.find_key(kid)
            if key is None:
                continue
            try:
                # Only this algorithm: neither `none` nor a public key used as a shared secret.
                return jwt.decode(token, key, algorithms=[ALGORITHM]).claims, issuer
            except (JoseError, ValueError, TypeError, RecursionError):
                continue
        raise _refused()


def _key_id(token: str) -> str:
    """The name of the key in a token's header, which nobody has verified yet."""
    head, first, rest = token.partition(".")
    if len(token) > _LONGEST or not first or rest.count(".") != 1:
        raise _refused()
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        kid, algorithm = header["kid"], header["alg"]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refused() from error
    if not isinstance(kid, str) or not kid or algorithm != ALGORITHM:
        raise _refused()
    return kid


def _time(content: Mapping[str, Any], name: str, *, missing: float = float("inf")) -> float:
    found = content.get(name, missing)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _refused()
    return float(found)


def _is_meant(audience: Any, wanted: Sequence[str]) -> bool:
    given = [audience] if isinstance(audience, str) else audience
    return not wanted or (isinstance(given, list) and any(each in wanted for each in given))


def _refused() -> UnauthorizedError:
    return UnauthorizedError("invalid or expired token", reason=TokenErrorCode.INVALID_TOKEN)
