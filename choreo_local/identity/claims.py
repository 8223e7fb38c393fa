"""Claims of a token → the subject that authorization speaks of; pure.

The types of subjects are asked in their order, and the first whose claim the token has wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from choreo_local.authz.types import Subject


class SubjectType(NamedTuple):
    """A kind of caller.

    Attributes:
        claim: the claim that entitles it.
        display_name: for people.
        claim_name: the claim, for people.
        priority: lower ones are asked first.
    """

    name: str
    claim: str
    display_name: str
    claim_name: str
    priority: int


# In order of priority: people have groups, programs only their name.
SUBJECT_TYPES: Sequence[SubjectType] = (
    SubjectType("user", "groups", "User", "User Group", 1),
    SubjectType("service_account", "sub", "Service Account", "Client ID", 2),
)


def subject_of(
    claims: Mapping[str, Any], types: Sequence[SubjectType] = SUBJECT_TYPES
) -> Subject | None:
    """The subject of a token; None when no claim of it entitles to be one."""
    name = claims.get("sub")
    for kind in types:
        values = _values(claims.get(kind.claim))
        if values is not None:
            return Subject(kind.name, kind.claim, values, name if isinstance(name, str) else "")
    return None


def translated(
    claims: Mapping[str, Any], entitlements: Mapping[str, str], prefix: str
) -> Mapping[str, Any]:
    """The claims of an issuer elsewhere under our names, their values marked as its own.

    Args:
        claims: of a verified token.
        entitlements: our name → its name, with dots for members of members.
        prefix: put before each value.
    """
    renamed = {name: _at(claims, place) for name, place in entitlements.items()}
    found = {**claims, **{name: value for name, value in renamed.items() if value is not None}}
    # What is named here may come from nowhere else in the token.
    for name, value in renamed.items():
        if value is None:
            found.pop(name, None)
    return {name: _marked(value, prefix) for name, value in found.items()} if prefix else found


def _at(claims: Mapping[str, Any], place: str) -> Any:
    if place in claims:
        return claims[place]
    found: Any = claims
    for part in place.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _marked(value: Any, prefix: str) -> Any:
    if isinstance(value, str) and value:
        return prefix + value
    if isinstance(value, list):
        return [prefix + each for each in value if isinstance(each, str) and each]
    return value


def _values(claim: Any) -> tuple[str, ...] | None:
    """What a claim entitles to; None when it does not count, as an empty list."""
    if isinstance(claim, str):
        # A claim that is empty counts all the same: somebody of this type, without entitlements.
        return (claim,) if claim else ()
    if isinstance(claim, list):
        texts = tuple(entry for entry in claim if isinstance(entry, str) and entry)
        return texts or None
    return None
