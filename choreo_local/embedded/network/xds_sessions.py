"""Session persistence in Envoy's form. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from choreo_local.embedded.network.datapath import Endpoints
from choreo_local.embedded.network.table import Endpoint, Joined, Session

Resource = dict[str, Any]

_TYPE = "type.googleapis.com/envoy.extensions."
_FILTER = f"{_TYPE}filters.http.stateful_session.v3"
_STATE = f"{_TYPE}http.stateful_session"
_LARGEST_WEIGHT = (1 << 32) - 1


def per_route(session: Session) -> Resource:
    """What switches sessions on for a route."""
    state = _cookie(session) if session.is_cookie else _header(session)
    return {
        "@type": f"{_FILTER}.StatefulSessionPerRoute",
        "stateful_session": {"session_state": state},
    }


def http_filter() -> Resource:
    """The filter, which does nothing for routes without sessions."""
    return {"@type": f"{_FILTER}.StatefulSession"}


def _cookie(session: Session) -> Resource:
    cookie: Resource = {"name": session.name, "path": session.path}
    if session.seconds is not None:
        # Whole seconds: a cookie's age has no fractions, and none is for the session only.
        cookie["ttl"] = f"{max(math.ceil(session.seconds), 1)}s"
    return {
        "name": "envoy.http.stateful_session.cookie",
        "typed_config": {
            "@type": f"{_STATE}.cookie.v3.CookieBasedSessionState",
            "cookie": cookie,
        },
    }


def _header(session: Session) -> Resource:
    return {
        "name": "envoy.http.stateful_session.header",
        "typed_config": {
            "@type": f"{_STATE}.header.v3.HeaderBasedSessionState",
            "name": session.name,
        },
    }


def weights(joined: Joined, endpoints: Endpoints) -> Mapping[Endpoint, int]:
    """How many of the requests each instance gets, whatever backend it is of."""
    found = [(endpoints.get(one, ()), weight) for one, weight in joined.shares]
    counts = math.lcm(*(len(places) for places, _ in found if places))
    result: dict[Endpoint, int] = {}
    for places, weight in found:
        for each in places:
            result[each] = result.get(each, 0) + weight * counts // len(places)
    return _fitting(result)


def _fitting(found: Mapping[Endpoint, int]) -> Mapping[Endpoint, int]:
    """The same proportions in numbers that Envoy can add up."""
    total = sum(found.values())
    if total <= _LARGEST_WEIGHT:
        return found
    return {each: max(weight * (1 << 24) // total, 1) for each, weight in found.items()}
