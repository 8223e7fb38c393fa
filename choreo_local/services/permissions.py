"""What a caller asks about permissions: the catalogue, decisions ahead of time, what it may do.

Bodies and messages are those of the OpenChoreo API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.authz import actions
from choreo_local.authz.types import Explanation, Hierarchy, Request, Subject
from choreo_local.errors import BadRequestError, ForbiddenError, InternalError
from choreo_local.services.access import DENIED, Access

Body = Mapping[str, Any]

# More questions at once would keep everybody else waiting.
MOST_QUESTIONS = 1000
_SEES_OTHERS = "clusterauthzrolebinding:view"


class Permissions:
    """Questions of one caller."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._decisions = access.decisions

    def catalogue(self) -> list[dict[str, Any]]:
        """All actions by name, with their lowest scope and what conditions on them see."""
        if not self._decisions.enabled:
            raise InternalError("there are no actions: authorization is disabled")
        return [_shown_action(action) for action in actions.ALL.values()]

    def evaluate(self, questions: Sequence[Body]) -> list[dict[str, Any]]:
        """A decision for each question; about the caller where a question names no subject."""
        if not questions:
            raise BadRequestError("At least one evaluation request is required")
        if len(questions) > MOST_QUESTIONS:
            raise BadRequestError(f"More than {MOST_QUESTIONS} evaluation requests")
        requests = [_question(question, self._access.subject) for question in questions]
        return [
            {"decision": decision.allowed, "context": {"reason": decision.reason}}
            for decision in map(self._decisions.decide, requests)
        ]

    def profile(self, scope: Hierarchy) -> dict[str, Any]:
        """Who the caller is, and what they may do within and around a scope."""
        subject = self._access.subject
        if subject is None:
            raise ForbiddenError(DENIED)
        _check_complete(scope)
        return {
            "user": shown_subject(subject),
            "capabilities": self._decisions.profile(subject, scope),
            "evaluatedAt": clock.timestamp(),
        }

    def explain(
        self,
        action: str,
        scope: Hierarchy,
        *,
        attributes: Mapping[str, str],
        entitlement: tuple[str, str] | None = None,
    ) -> Explanation:
        """Why the caller, or whoever has an entitlement, may do something or not.

        Only who may see all bindings may ask about others.
        """
        _check_complete(scope)
        subject = self._access.subject
        if entitlement is not None:
            self._access.check(_SEES_OTHERS, Hierarchy())
            claim, value = entitlement
            subject = Subject("user", claim, (value,))
        kind = action.partition(":")[0]
        return self._decisions.explain(Request(subject, action, scope, kind, attributes=attributes))


def shown_subject(subject: Subject) -> dict[str, Any]:
    """A subject as the API shows it."""
    return {
        "type": subject.type,
        "entitlement_claim": subject.claim,
        "entitlement_values": list(subject.values),
    }


def _shown_action(action: actions.Action) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": action.name, "lowestScope": str(action.lowest_scope)}
    if action.attribute:
        description = actions.ATTRIBUTES[action.attribute]
        shown["conditions"] = [{"key": f"resource.{action.attribute}", "description": description}]
    return shown


def _question(question: Body, caller: Subject | None) -> Request:
    resource = _member(question, "resource", dict) or {}
    kind = _member(resource, "type", str) or ""
    action = _member(question, "action", str) or ""
    if not kind:
        raise BadRequestError("invalid request: resource type is required")
    if not action:
        raise BadRequestError("invalid request: action is required")
    hierarchy = _member(resource, "hierarchy", dict) or {}
    context = _member(question, "context", dict) or {}
    attributes = _member(context, "resource", dict) or {}
    given = _member(question, "subject_context", dict)
    return Request(
        caller if given is None else _subject(given),
        action,
        Hierarchy(
            *(
                _member(hierarchy, level, str) or ""
                for level in ("namespace", "project", "component", "resource")
            )
        ),
        kind,
        _member(resource, "id", str) or "",
        {
            name: text
            for name in actions.ATTRIBUTES
            if (text := _member(attributes, name, str)) is not None
        },
    )


def _subject(given: Body) -> Subject:
    values = _member(given, "entitlement_values", list) or []
    if not all(isinstance(value, str) for value in values):
        raise BadRequestError("Invalid request body")
    return Subject(
        _member(given, "type", str) or "",
        _member(given, "entitlement_claim", str) or "",
        tuple(values),
    )


def _member(content: Body, name: str, kind: type) -> Any:
    value = content.get(name)
    if value is not None and not isinstance(value, kind):
        raise BadRequestError("Invalid request body")
    return value


def _check_complete(scope: Hierarchy) -> None:
    """A level needs those above it."""
    if (scope.component or scope.resource) and not scope.project:
        raise BadRequestError("project is required when component or resource is given")
    if scope.project and not scope.namespace:
        raise BadRequestError("namespace is required when project is given")
