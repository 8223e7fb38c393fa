"""The decision point of an instance without authorization: everything is allowed."""

from __future__ import annotations

from typing import Any

from choreo_local.authz import actions
from choreo_local.authz.types import ANYWHERE, Decision, Explanation, Hierarchy, Request, Subject

REASON = "Authorization disabled - all access granted"


class Disabled:
    """Allows everybody everything, also those whom nobody recognised."""

    enabled = False

    def decide(self, request: Request) -> Decision:
        """Yes."""
        del request
        return Decision(allowed=True, reason=REASON)

    def covers(self, subject: Subject | None, action: str, hierarchy: Hierarchy) -> bool:
        """Yes."""
        del subject, action, hierarchy
        return True

    def explain(self, request: Request) -> Explanation:
        """Yes, and why."""
        return Explanation(
            self.decide(request), request.action, request.hierarchy.path, f"{REASON}."
        )

    def profile(self, subject: Subject, scope: Hierarchy) -> dict[str, Any]:
        """Everything, everywhere."""
        del subject, scope
        return {actions.ANY: {"allowed": [{"path": ANYWHERE}], "denied": []}}
