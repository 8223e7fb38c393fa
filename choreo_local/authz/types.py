"""The words of authorization: who asks, for which action, where, and what is answered.

Everybody who asks or answers uses these: API, observer, MCP, identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who was recognised.

    Attributes:
        type: `user` or `service_account`, or another one that the configuration knows.
        claim: the claim of the token that entitles.
        values: what that claim holds; each alone may allow.
        id: for logs; not part of a decision.
    """

    type: str
    claim: str
    values: tuple[str, ...] = ()
    id: str = ""


# Whoever holds the token in the state directory. No token that somebody else issued has this claim,
# and no binding reaches it: the enforcer itself allows its bearer everything.
OWNER = Subject("user", "choreo.dev/owner", ("true",), id="owner")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A place: all of it, a namespace, a project, a component or a resource."""

    namespace: str = ""
    project: str = ""
    component: str = ""
    resource: str = ""

    @property
    def path(self) -> str:
        """As policies write it; `*` for all of it. A component goes before a resource."""
        parts = [f"ns/{self.namespace}"] if self.namespace else []
        parts += [f"project/{self.project}"] if self.project else []
        if self.component:
            parts.append(f"component/{self.component}")
        elif self.resource:
            parts.append(f"resource/{self.resource}")
        return "/".join(parts) or ANYWHERE


@dataclass(frozen=True, slots=True)
class Request:
    """May `subject` do `action` at `hierarchy`?

    Attributes:
        subject: None where nobody was recognised.
        type: kind of the object, lower case; only for the record.
        id: name of the object; only for the record.
        attributes: what conditions may look at: `environment`, `componentType`, …
    """

    subject: Subject | None
    action: str
    hierarchy: Hierarchy = Hierarchy()
    type: str = ""
    id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and the reason in words that other programs know."""

    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision in words for a person.

    Attributes:
        summary: one sentence: what is missing, or what allowed it.
        details: bindings that came near, and what of each did not fit.
        remedy: what would change the answer; "" when it is allowed.
    """

    decision: Decision
    action: str
    scope: str
    summary: str
    details: tuple[str, ...] = ()
    remedy: str = ""
