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
    """

    name: str
    claim: str
    display_name: str
    claim_name: str


# In order of priority: people have groups, programs only their name.
SUBJECT_TYPES: Sequence[SubjectType] = (
    SubjectType("user", "groups", "User", "User Group"),
    SubjectType("service_account", "sub", "Service Account", "Client ID"),
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


def _values(claim: Any) -> tuple[str, ...] | None:
    """What a claim entitles to; None when it does not count, as an empty list."""
    if isinstance(claim, str):
        # A claim that is empty counts all the same: somebody of this type, without entitlements.
        return (claim,) if claim else ()
    if isinstance(claim, list):
        texts = tuple(entry for entry in claim if isinstance(entry, str) and entry)
        return texts or None
    return None
