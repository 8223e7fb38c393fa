"""What others may ask of authorization, in the smallest protocols that suffice."""

from __future__ import annotations

from typing import Any, Protocol

from choreo_local.authz.types import Decision, Explanation, Hierarchy, Request, Subject


class DecisionPoint(Protocol):
    """Answers whether somebody may do something somewhere."""

    @property
    def enabled(self) -> bool:
        """False where everything is allowed."""
        ...

    def decide(self, request: Request) -> Decision:
        """The decision; BadRequestError when the request is not one."""
        ...

    def covers(self, subject: Subject | None, action: str, hierarchy: Hierarchy) -> bool:
        """Whether the action is allowed there and everywhere below, whatever the attributes."""
        ...

    def explain(self, request: Request) -> Explanation:
        """The decision and what led to it."""
        ...

    def profile(self, subject: Subject, scope: Hierarchy) -> dict[str, Any]:
        """Action → where it is allowed and denied, within and around a scope."""
        ...
