"""Signed in at the provider of an API: tokens that last, and how they are had.

`choreo login` begins a session, `login.find` uses it and takes new tokens before the old ones end.
Everything waits: a command does one thing after another, and tokens are had once an hour.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from choreo_local import clock
from choreo_local.errors import PreflightError, RefusedError, UnreachableError

_SECONDS = 30.0
# A token that ends sooner than this is not used any more.
_MARGIN_SECONDS = 60.0
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# The program that people sign in with; providers name it so.
_OUR_NAME = "cli"
_AGAIN = "Sign in again: choreo login"


@dataclass(frozen=True, slots=True)
class Provider:
    """Where to sign in for an API, and as which program people do.

    Attributes:
        device: where a device's code is had; "" where there is none.
        revocation: where tokens are ended; "" where they cannot be.
    """

    token: str
    device: str = ""
    revocation: str = ""
    client: str = ""
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        who: for messages.
        endpoint: where new tokens are had.
        expires: when the access token ends, in seconds since 1970.
        revocation: where the refresh token is ended; "" where it cannot be.
    """

    who: str
    endpoint: str
    client: str
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires: float = 0.0
    revocation: str = ""


def discover(url: str) -> Provider:
    """The provider that an API names."""
    resource = _get(f"{url}/.well-known/oauth-protected-resource")
    issuers = resource.get("authorization_servers") or ()
    if not issuers or not resource.get("openchoreo_security_enabled", True):
        raise RefusedError("this API asks nobody to sign in", remedy="Use it as you are")
    found = _get(f"{str(issuers[0]).rstrip('/')}/.well-known/openid-configuration")
    programs = resource.get("openchoreo_clients") or ()
    ours = next((each for each in programs if each.get("name") == _OUR_NAME), None) or {}
    endpoint = str(found.get("token_endpoint") or "")
    if not endpoint:
        raise UnreachableError(f"{issuers[0]} does not say where tokens are had")
    return Provider(
        token=endpoint,
        device=str(found.get("device_authorization_endpoint") or ""),
        revocation=str(found.get("revocation_endpoint") or ""),
        client=str(ours.get("client_id") or ""),
        scopes=tuple(ours.get("scopes") or ()),
    )


def of_program(provider: Provider, client: str, secret: str, *, scope: str = "") -> Session:
    """Sign in as a program (client credentials)."""
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    form |= {"scope": scope} if scope else {}
    return _session(_granted(provider.token, form), provider.token, client)


@dataclass(frozen=True, slots=True)
class Code:
    """What a person types at an address to sign this program in.

    Attributes:
        interval: seconds between questions whether they have.
    """

    address: str
    complete: str
    user: str
    device: str = field(repr=False)
    interval: float = 5.0


def begin(provider: Provider) -> Code:
    """Ask for a code."""
    if not provider.device or not provider.client:
        raise RefusedError(
            "the provider of this API offers people no code to sign in with",
            remedy="Sign in as a program: choreo login --client-credentials",
        )
    form = {"client_id": provider.client, "scope": " ".join(provider.scopes)}
    found = _granted(provider.device, form)
    address = str(found["verification_uri"])
    return Code(
        address=address,
        complete=str(found.get("verification_uri_complete") or address),
        user=str(found["user_code"]),
        device=str(found["device_code"]),
        interval=float(found.get("interval") or 5),
    )


def ask(provider: Provider, code: Code) -> Session | None:
    """The session, once the person has allowed it; None while they have not decided."""
    form = {
        "grant_type": _DEVICE_GRANT,
        "client_id": provider.client,
        "device_code": code.device,
    }
    status, found = _post(provider.token, form)
    if status >= 400 and found.get("error") in {"authorization_pending", "slow_down"}:
        return None
    session = _session(_checked(status, found), provider.token, provider.client)
    return replace(session, revocation=provider.revocation)


def load(path: Path) -> Session | None:
    """The session of a file, with tokens that are still good; None when there is none."""
    try:
        found = Session(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise PreflightError(
            f"cannot read {path}: {error}", remedy="Remove it: choreo logout"
        ) from error
    if found.expires - clock.unix() > _MARGIN_SECONDS:
        return found
    return _renewed(path, found)


def end(path: Path) -> bool:
    """Sign out: remove a session's file, and have its refresh token ended.

    False when nobody could be told to end it, so that it stays good until it ends by itself.
    Raises FileNotFoundError when there is no session, OSError when the file cannot be removed.
    """
    try:
        found = Session(**json.loads(path.read_text(encoding="utf-8")))
    except (PermissionError, ValueError, TypeError):
        found = None
    path.unlink()
    if found is None:
        return False
    if not found.refresh_token:
        return True
    form = {"client_id": found.client, "token": found.refresh_token}
    try:
        status, _ = _post(found.revocation, form)
    except UnreachableError:
        return False
    return status < 400


def save(path: Path, session: Session) -> None:
    """Keep a session where its owner alone can read it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(session), file)
    temporary.replace(path)


def _renewed(path: Path, old: Session) -> Session:
    """A session with new tokens, which are kept: the old ones may not serve twice."""
    if not old.refresh_token:
        raise RefusedError(f"you were signed in as {old.who}, and that has ended", remedy=_AGAIN)
    form = {
        "grant_type": "refresh_token",
        "client_id": old.client,
        "refresh_token": old.refresh_token,
    }
    status, found = _post(old.endpoint, form)
    if 400 <= status < 500:
        raise RefusedError(f"you were signed in as {old.who}, and that has ended", remedy=_AGAIN)
    new = _session(_checked(status, found), old.endpoint, old.client)
    new = replace(
        new,
        who=old.who,
        refresh_token=new.refresh_token or old.refresh_token,
        revocation=old.revocation,
    )
    save(path, new)
    return new


def _session(granted: Mapping[str, Any], endpoint: str, client: str) -> Session:
    token = str(granted.get("access_token") or "")
    if not token:
        raise UnreachableError(f"cannot read the answer of {endpoint}: it holds no access_token")
    claims = _claims(token)
    expires = claims.get("exp") or clock.unix() + float(granted.get("expires_in") or 0)
    names = (str(claims.get(name) or "") for name in ("preferred_username", "email", "sub"))
    return Session(
        who=next(filter(None, names), client),
        endpoint=endpoint,
        client=client,
        access_token=token,
        refresh_token=str(granted.get("refresh_token") or ""),
        expires=float(expires),
    )


def _claims(token: str) -> Mapping[str, Any]:
    """What a token says of itself; nobody here decides anything by it."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def _granted(endpoint: str, form: Mapping[str, str]) -> Mapping[str, Any]:
    return _checked(*_post(endpoint, form))


def _checked(status: int, found: Mapping[str, Any]) -> Mapping[str, Any]:
    if status < 400:
        return found
    why = str(found.get("error_description") or found.get("error") or f"it answered {status}")
    raise RefusedError(f"failed to get access token: {why}")


def _get(url: str) -> Mapping[str, Any]:
    status, found = _call("GET", url, None)
    if status >= 400:
        raise UnreachableError(f"cannot find out where to sign in: {url} answered {status}")
    return found


def _post(url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
    return _call("POST", url, urllib.parse.urlencode(form).encode())


def _call(method: str, url: str, body: bytes | None) -> tuple[int, Mapping[str, Any]]:
    """Status and content of an answer; redirects are not followed, for secrets are sent."""
    parts = urllib.parse.urlsplit(url)
    cls = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
    try:
        connection = cls(parts.hostname or "", parts.port, timeout=_SECONDS)
        try:
            connection.request(method, parts.path or "/", body=body, headers=headers)
            response = connection.getresponse()
            content = response.read()
            return response.status, _object(content) if content else {}
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreachableError(f"cannot reach {url}: {error or type(error).__name__}") from error


def _object(content: bytes) -> Mapping[str, Any]:
    found = json.loads(content)
    if not isinstance(found, dict):
        raise ValueError("the answer is not an object")  # noqa: TRY004 - an answer, not an argument
    return found
