"""A provider with a few users and programs, and a clock that stands until it is moved."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from choreo_local.identity import passwords
from choreo_local.identity.directory import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_CODE,
    REFRESH_TOKEN,
    REUSABLE,
    Client,
    Directory,
    User,
)
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.provider import Provider
from choreo_local.identity.tokens import Verifier

URL = "http://127.0.0.1:8080"
CALLBACK = "http://127.0.0.1:55152/auth-callback"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:43]
PASSWORD = "a password"
_HASH = passwords.hashed(PASSWORD)
DIRECTORY = Directory(
    {
        "ada@example.org": User("ada@example.org", _HASH, ("developers",), "Ada", "ada"),
        "locked": User("locked"),
    },
    {
        "cli": Client("cli", "", (AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE), (CALLBACK,)),
        "old-cli": Client(
            "old-cli", "", (AUTHORIZATION_CODE, REFRESH_TOKEN), (CALLBACK,), refresh=REUSABLE
        ),
        "robot": Client("robot", _HASH, (CLIENT_CREDENTIALS,)),
        "portal": Client("portal", _HASH, (AUTHORIZATION_CODE,), ("https://portal.example/cb",)),
    },
)
QUESTION: Mapping[str, str] = {
    "client_id": "cli",
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "scope": "openid profile",
    "state": "s&1",
}


def provider(folder: Path) -> Provider:
    """A provider with its keys in `folder`."""
    return Provider(lambda: URL, SigningKeys(folder), DIRECTORY)


def verifier(of: Provider) -> Verifier:
    """What an API that trusts it checks tokens with."""
    return Verifier([of.issuer()])


def members(address: str) -> dict[str, str]:
    """What an address is told."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def code(of: Provider, **changed: str) -> str:
    """A code that ada granted."""
    pending = of.ask({**QUESTION, **changed})
    user = of.check_password("ada@example.org", PASSWORD)
    return members(of.grant(pending, user))["code"]


def exchange(given: str, **changed: str) -> dict[str, str]:
    """The form that turns a code into tokens."""
    return {
        "grant_type": AUTHORIZATION_CODE,
        "client_id": "cli",
        "code": given,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changed,
    }
