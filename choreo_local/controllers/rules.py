"""Alert rules kept at the Observer API, over HTTP; or nowhere, where no Observer API is."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import RuleWork
from choreo_local.errors import ChoreoError, UnreachableError

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_GONE = 404


class NoObserver:
    """Stands where no Observer API is: rules cannot be kept, and there are none to delete."""

    async def write(self, work: RuleWork) -> Manifest:
        """Say that there is no Observer API."""
        if work.payload is None:
            return {}
        raise UnreachableError("cannot reach the Observer API: this instance has none")


class ObserverRules:
    """Creates, replaces and deletes rules at one Observer API.

    Args:
        base_url: of the API that only the platform's parts may call.
    """

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url.rstrip("/")

    async def write(self, work: RuleWork) -> Manifest:
        """Bring a rule to what `work` says; the API's answer."""
        rules = f"{self._base_url}/api/v1alpha1/alerts/sources/{quote(work.source, safe='')}/rules"
        rule = f"{rules}/{quote(work.name, safe='')}"
        try:
            async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
                if work.payload is None:
                    return await _send(session, "DELETE", rule, expected=(200, 202, 204, _GONE))
                async with session.get(rule) as found:
                    status = found.status
                if status == _GONE:
                    return await _send(session, "POST", rules, work.payload, expected=(201,))
                if status != 200:
                    raise ChoreoError(f"cannot look for alert rule {work.name}: HTTP {status}")
                return await _send(session, "PUT", rule, work.payload, expected=(200,))
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            detail = str(error) or type(error).__name__
            raise UnreachableError(f"cannot reach the Observer API: {detail}") from error


async def _send(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    payload: Any = None,
    *,
    expected: tuple[int, ...],
) -> Manifest:
    body = None if payload is None else orjson.dumps(payload)
    headers = {"Content-Type": "application/json"}
    async with session.request(method, url, data=body, headers=headers) as response:
        content = await response.read()
        if response.status not in expected:
            text = content[:200].decode(errors="replace")
            raise ChoreoError(f"cannot {method} an alert rule: HTTP {response.status}: {text}")
    try:
        answer = orjson.loads(content) if content else {}
    except orjson.JSONDecodeError as error:
        raise ChoreoError(f"cannot read the answer of the Observer API: {error}") from error
    return answer if isinstance(answer, dict) else {}
