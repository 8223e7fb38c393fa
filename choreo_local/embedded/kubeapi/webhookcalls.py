"""Asks others over HTTPS: webhooks of admission, and those that convert custom objects."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from choreo_local.embedded.kubeapi.core import Manifest
from choreo_local.embedded.storage.store import Store, key_of

_MAX_ANSWER_BYTES = 3 * 1024 * 1024
_NOT_TRUSTED = "tls: failed to verify certificate: x509: certificate signed by unknown authority"
_HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
NO_REVIEW = (
    "couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of"
    ' type struct { APIVersion string "json:\\"apiVersion,omitempty\\"";'
    ' Kind string "json:\\"kind,omitempty\\"" }'
)


class CallError(Exception):
    """A webhook could not be asked, or its answer is none; the text is the real server's."""


async def ask(
    store: Store, config: Mapping[str, Any], review: Manifest, *, seconds: float, query: str = ""
) -> Manifest:
    """Send a review to a webhook; answers the review that it sends back.

    Args:
        store: where Services are.
        config: the `clientConfig` of the webhook.
        review: to be answered.
        seconds: how long the webhook may take.
        query: to add to its URL.
    """
    url, server_name = _address(store, config)
    if query:
        url = f"{url}{'&' if '?' in url else '?'}{query}"
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                url,
                data=orjson.dumps(review),
                headers=_HEADERS,
                ssl=_tls(config),
                server_hostname=server_name,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response,
        ):
            body = await response.content.read(_MAX_ANSWER_BYTES)
            if response.status >= 300:
                raise CallError(
                    'an error on the server ("unknown") has prevented the request from succeeding'
                )
    except aiohttp.ClientConnectorCertificateError as error:
        raise CallError(f'Post "{url}": {_NOT_TRUSTED}') from error
    except TimeoutError as error:
        raise CallError(f'Post "{url}": context deadline exceeded') from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise CallError(f'Post "{url}": {_word(error)}') from error
    return _read(body)


def _read(body: bytes) -> Manifest:
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CallError(NO_REVIEW) from error
    return review if isinstance(review, dict) else {}


def _address(store: Store, config: Mapping[str, Any]) -> tuple[str, str | None]:
    """The URL to call, and the name that the certificate must have when it is another."""
    if config.get("url"):
        return str(config["url"]), None
    service = config.get("service") or {}
    namespace, name = service.get("namespace", ""), service.get("name", "")
    stored = store.get("services", key_of(namespace, name))
    if stored is None:
        raise CallError(f'service "{name}" not found')
    host = (stored.object.get("spec") or {}).get("clusterIP") or ""
    path = service.get("path") or "/"
    return f"https://{host}:{service.get('port') or 443}{path}", f"{name}.{namespace}.svc"


def _tls(config: Mapping[str, Any]) -> ssl.SSLContext:
    bundle = config.get("caBundle")
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
    except (ValueError, ssl.SSLError) as error:
        raise CallError(f"unable to load root certificates: {error}") from error


def _word(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        reason = error.strerror or str(error)
        cause = error.os_error
        if isinstance(cause, ConnectionRefusedError):
            reason = "connect: connection refused"
        return f"dial tcp {error.host}:{error.port}: {reason}"
    return str(error) or type(error).__name__
