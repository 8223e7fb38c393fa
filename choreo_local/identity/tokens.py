"""Access tokens: signed claims, and the check of what somebody presents as one."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from choreo_local import clock
from choreo_local.api.rest import TokenErrorCode
from choreo_local.authz.types import Subject
from choreo_local.errors import UnauthorizedError
from choreo_local.identity import claims as claiming
from choreo_local.identity.claims import SUBJECT_TYPES, SubjectType
from choreo_local.identity.keys import ALGORITHM, SigningKeys

# No token of ours comes near it; what is longer is not even decoded.
LONGEST_TOKEN = 16 * 1024

Key = RSAKey | ECKey | OKPKey
KeyFinder = Callable[[str], Key | None]


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
        algorithms: how they may be signed.
        entitlements: our names of claims → its names, where they differ.
        prefix: put before the values of its claims.
    """

    url: str
    find_key: KeyFinder
    audiences: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = (ALGORITHM,)
    entitlements: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""


class Verifier:
    """Finds out whose token somebody presents.

    Args:
        issuers: those that are trusted.
        types: of callers.
    """

    def __init__(
        self, issuers: Sequence[Issuer], types: Sequence[SubjectType] = SUBJECT_TYPES
    ) -> None:
        self._issuers = tuple(issuers)
        self._types = types

    def subject(self, token: str) -> Subject:
        """Who presents a token.

        Raises:
            UnauthorizedError: with a `TokenErrorCode`; the text does not tell an attacker more.
        """
        content, issuer = self._verified(token)
        now = clock.unix()
        if _time(content, "exp") <= now or _time(content, "nbf", missing=0) > now:
            raise refused()
        if content.get("iss") != issuer.url or not _is_meant(content.get("aud"), issuer.audiences):
            raise UnauthorizedError(
                "token claims validation failed", reason=TokenErrorCode.INVALID_CLAIMS
            )
        own = claiming.translated(content, issuer.entitlements, issuer.prefix)
        subject = claiming.subject_of(own, self._types)
        if subject is None:
            raise UnauthorizedError(
                "Failed to resolve subject from token", reason=TokenErrorCode.INVALID_CLAIMS
            )
        return subject

    def _verified(self, token: str) -> tuple[Mapping[str, Any], Issuer]:
        kid, algorithm = _named(token)
        for issuer in self._issuers:
            key = issuer.find_key(kid) if algorithm in issuer.algorithms else None
            if key is None or (key.alg or algorithm) != algorithm:
                continue
            try:
                # Only this algorithm: neither `none` nor a public key used as a shared secret.
                return jwt.decode(token, key, algorithms=[algorithm]).claims, issuer
            except (JoseError, ValueError, TypeError, RecursionError):
                continue
        raise refused()


def _named(token: str) -> tuple[str, str]:
    """The key and the algorithm in a token's header, which nobody has verified yet."""
    head, first, rest = token.partition(".")
    if len(token) > LONGEST_TOKEN or not first or rest.count(".") != 1:
        raise refused()
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
        kid, algorithm = header["kid"], header["alg"]
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise refused() from error
    if not isinstance(kid, str) or not kid or not isinstance(algorithm, str):
        raise refused()
    return kid, algorithm


def _time(content: Mapping[str, Any], name: str, *, missing: float = float("inf")) -> float:
    found = content.get(name, missing)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise refused()
    return float(found)


def _is_meant(audience: Any, wanted: Sequence[str]) -> bool:
    given = [audience] if isinstance(audience, str) else audience
    return not wanted or (isinstance(given, list) and any(each in wanted for each in given))


def refused() -> UnauthorizedError:
    """What everybody is told whose token does not do."""
    return UnauthorizedError("invalid or expired token", reason=TokenErrorCode.INVALID_TOKEN)
