"""Session persistence of rules: the requests of a client stay with one instance. Pure.

The field is of the Gateway API's experimental channel: the definitions that come with a data plane
do not have it, those that a user installs may.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from choreo_local.embedded.network import acceptable, durations
from choreo_local.embedded.network.references import Manifest, Problem
from choreo_local.embedded.network.table import PathMatch, PathType, Session, WeightedBackend

_NEEDS_ENVOY = "sessionPersistence, which needs Envoy"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a rule asks for.

    Attributes:
        session: None for nothing, or where it cannot be had.
        notes: what of it is not carried out.
        problem: why it cannot be had as it is asked for.
    """

    session: Session | None = None
    notes: tuple[str, ...] = ()
    problem: Problem | None = None


def read(rule: Manifest, backends: Sequence[WeightedBackend], *, name: str, enforced: bool) -> Wish:
    """The session persistence of a rule; `name` is one that no other rule has."""
    spec: Manifest | None = rule.get("sessionPersistence")
    if spec is None:
        return Wish()
    if not enforced:
        return Wish(notes=(_NEEDS_ENVOY,))
    is_cookie = spec.get("type", "Cookie") == "Cookie"
    session_name = spec.get("sessionName") or _default_name(name)
    if fault := acceptable.name_fault(session_name):
        return Wish(problem=Problem("UnsupportedValue", f"sessionName: {fault}"))
    lasts = is_cookie and (spec.get("cookieConfig") or {}).get("lifetimeType") == "Permanent"
    seconds = durations.seconds(spec.get("absoluteTimeout"))
    if lasts and not seconds:
        message = "a permanent cookie needs an absoluteTimeout of more than 0s"
        return Wish(problem=Problem("UnsupportedValue", message))
    session = Session(session_name, is_cookie=is_cookie, seconds=seconds if lasts else None)
    return Wish(session, tuple(_notes(spec, backends, lasts=lasts)))


def _default_name(name: str) -> str:
    return f"choreo-session-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _notes(spec: Manifest, backends: Sequence[WeightedBackend], *, lasts: bool) -> list[str]:
    """What Envoy's sessions, which live in the client alone, cannot know."""
    notes = []
    if spec.get("idleTimeout"):
        notes.append("sessionPersistence.idleTimeout")
    if spec.get("absoluteTimeout") and not lasts:
        notes.append("sessionPersistence.absoluteTimeout, which permanent cookies have alone")
    if len([each for each in backends if each.weight > 0]) > 1 and not can_join(backends):
        notes.append("sessionPersistence over backends that differ in more than their weight")
    return notes


def can_join(backends: Sequence[WeightedBackend]) -> bool:
    """Whether several backends can be one, whose instances differ in weight only."""
    used = [each for each in backends if each.weight > 0]
    protocols = {each.backend.protocol if each.backend else None for each in used}
    plain = all(not each.changes_headers for each in used)
    return len(used) > 1 and plain and len(protocols) == 1 and None not in protocols


def cookie_path(match: PathMatch) -> str:
    """The part of the site that a cookie is for."""
    return "/" if match.type is PathType.REGEX else match.value.rstrip("/") or "/"
