"""Those who call in the recordings, good and bad, with tokens of an issuer made for the test."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

from choreo_local import clock
from choreo_local.identity import tokens
from choreo_local.identity.directory import Directory
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.provider import AUDIENCE, Provider

# What the name of a caller stands for: claims of a token that is good.
_CLAIMS: Mapping[str, Mapping[str, Any]] = {
    "admin": {"groups": ["admins"]},
    "developer": {"groups": ["developers"]},
    "pe": {"groups": ["platform-engineers"]},
    "sre": {"groups": ["sres"]},
    "nobody": {"groups": ["nobodies"]},
    "multi": {"groups": ["developers", "admins"]},
    "groupstr": {"groups": "admins"},
    "svc": {"sub": "service_mcp_client"},
    "emptygroups": {"sub": "service_mcp_client", "groups": []},
    "groupempty": {"sub": "service_mcp_client", "groups": ""},
}
_LIFETIME_SECONDS = 3600


class Callers:
    """Makes the tokens that the recordings name.

    Args:
        keys: of the issuer.
        directory: who can sign in there.
    """

    def __init__(self, keys: SigningKeys, directory: Directory | None = None) -> None:
        self._keys = keys
        self._directory = directory or Directory({}, {})
        self._url = ""
        self._bad: Mapping[str, Callable[[], str]] = {
            "expired": lambda: self._sign(groups=["admins"], exp=1),
            "wrongiss": lambda: self._sign(groups=["admins"], iss="http://elsewhere.example"),
            "nosub": lambda: self._sign(name="somebody"),
            "nokid": lambda: _without_kid(self._sign(groups=["admins"])),
            "badkid": lambda: self._signed_otherwise({"kid": "another"}),
            "badalg": lambda: self._signed_otherwise({"kid": self._keys.current().kid}),
            "garbage": lambda: "garbage",
        }

    def provider(self, url: str) -> Provider:
        """The issuer, at the URL of the API."""
        self._url = url
        return Provider(lambda: url, self._keys, self._directory)

    def token(self, name: str) -> str | None:
        """The token of a caller; None for `none`."""
        if name == "none":
            return None
        claims = _CLAIMS.get(name)
        return self._bad[name]() if claims is None else self._sign(**claims)

    def _claims(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        now = int(clock.unix())
        return {
            "iss": self._url,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + _LIFETIME_SECONDS,
            **({} if "name" in claims else {"sub": "somebody"}),
            **claims,
        }

    def _sign(self, **claims: Any) -> str:
        return tokens.sign(self._keys, self._claims(claims))

    def _signed_otherwise(self, header: Mapping[str, Any]) -> str:
        """With a secret instead of the key."""
        secret = OctKey.generate_key(256)
        claims = self._claims({"groups": ["admins"]})
        return jwt.encode({"alg": "HS256", **header}, claims, secret, algorithms=["HS256"])


def _without_kid(token: str) -> str:
    """The same token, whose header does not name the key."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256"}).encode()).decode().rstrip("=")
    return f"{header}.{token.partition('.')[2]}"
