"""Keys of issuers elsewhere: fetched when a token of theirs comes, and kept.

A token chooses neither where keys are read nor how often: only a configured issuer is asked, once
an hour, and for the name of a key that is not there at most every half minute.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from choreo_local import clock
from choreo_local.identity.issuers import Trusted, is_safe
from choreo_local.identity.tokens import LONGEST_TOKEN, Issuer, Key, refused

logger = logging.getLogger(__name__)

_FRESH_SECONDS = 3600.0
_RETRY_SECONDS = 30.0
# An issuer that cannot be reached takes its keys back at last.
_STALE_SECONDS = 24 * 3600.0
_FETCH_SECONDS = 10.0
_LONGEST = 512 * 1024
_MOST_KEYS = 100
_DISCOVERY = "/.well-known/openid-configuration"
_KINDS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}


class RemoteKeys:
    """The keys of one issuer."""

    def __init__(self, trusted: Trusted) -> None:
        self._trusted = trusted
        self._keys: dict[str, Key] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    def find(self, kid: str) -> Key | None:
        """A key that was fetched before."""
        if clock.unix() - self._fetched > _STALE_SECONDS:
            return None
        return self._keys.get(kid)

    async def prepare(self, kid: str) -> None:
        """Fetch the keys where this one is not known, or all of them are old."""
        if not self._is_due(kid):
            return
        async with self._lock:
            # Somebody else may have fetched them meanwhile.
            if self._is_due(kid):
                self._tried = clock.unix()
                await self._fetch()

    def _is_due(self, kid: str) -> bool:
        now = clock.unix()
        is_wanted = kid not in self._keys or now - self._fetched > _FRESH_SECONDS
        return is_wanted and now - self._tried >= _RETRY_SECONDS

    async def _fetch(self) -> None:
        try:
            document = await self._document()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            logger.warning(
                "Cannot fetch the keys of an issuer issuer=%s error=%s",
                self._trusted.url,
                str(error) or type(error).__name__,
            )
            return
        self._keys = dict(_keys(document, self._trusted.algorithms))
        self._fetched = clock.unix()

    async def _document(self) -> Mapping[str, Any]:
        if self._trusted.jwks_file:
            text = await asyncio.to_thread(Path(self._trusted.jwks_file).read_bytes)
            return _object(text)
        timeout = aiohttp.ClientTimeout(total=_FETCH_SECONDS)
        connector = aiohttp.TCPConnector(ssl=_trust(self._trusted.ca_file))
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            url = self._trusted.jwks_url or await self._discovered(session)
            return await _get(session, url)

    async def _discovered(self, session: aiohttp.ClientSession) -> str:
        said = await _get(session, f"{self._trusted.url.rstrip('/')}{_DISCOVERY}")
        url = said.get("jwks_uri")
        if said.get("issuer") != self._trusted.url:
            raise ValueError("its discovery document is that of another issuer")
        if not isinstance(url, str) or not is_safe(url):
            raise ValueError("its discovery document names no safe place of keys")
        return url


class ExternalIssuers:
    """All issuers elsewhere that an instance trusts."""

    def __init__(self, trusted: Sequence[Trusted]) -> None:
        self._keys = {issuer.url: RemoteKeys(issuer) for issuer in trusted}
        self._issuers = tuple(
            Issuer(
                issuer.url,
                self._keys[issuer.url].find,
                issuer.audiences,
                issuer.algorithms,
                dict(issuer.entitlements),
                issuer.prefix,
            )
            for issuer in trusted
        )

    @property
    def urls(self) -> list[str]:
        """Who they are."""
        return list(self._keys)

    @property
    def issuers(self) -> Sequence[Issuer]:
        """How their tokens are checked, once `prepare` has seen them."""
        return self._issuers

    async def prepare(self, token: str | None) -> None:
        """Have the key at hand that a token names, if its issuer is one of these."""
        if not token or len(token) > LONGEST_TOKEN or token.count(".") != 2:
            return
        head, body, _ = token.split(".")
        issuer, kid = _part(body).get("iss"), _part(head).get("kid")
        keys = self._keys.get(issuer) if isinstance(issuer, str) else None
        if keys is not None and isinstance(kid, str):
            await keys.prepare(kid)


def _part(text: str) -> Mapping[str, Any]:
    """A part of a token that nobody has verified yet."""
    try:
        content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise refused() from error
    return content if isinstance(content, dict) else {}


def _trust(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file or None)


async def _get(session: aiohttp.ClientSession, url: str) -> Mapping[str, Any]:
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise ValueError(f"{url} answers {response.status}")
        text = bytearray()
        async for chunk in response.content.iter_any():
            text += chunk
            if len(text) > _LONGEST:
                raise ValueError(f"{url} answers too much")
    return _object(bytes(text))


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - said by a server, not by code
    return content


def _keys(document: Mapping[str, Any], algorithms: Sequence[str]) -> Iterator[tuple[str, Key]]:
    """The keys of a set that may verify tokens; others are left out."""
    found = document.get("keys")
    for entry in found[:_MOST_KEYS] if isinstance(found, list) else ():
        kind = _KINDS.get(str(entry.get("kty"))) if isinstance(entry, dict) else None
        if kind is None or not isinstance(entry.get("kid"), str):
            continue
        if entry.get("use", "sig") != "sig" or entry.get("alg", algorithms[0]) not in algorithms:
            continue
        try:
            yield entry["kid"], kind.import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            logger.warning("Ignored a key of an issuer that cannot be read kid=%s", entry["kid"])
