"""What one caller may do: checks before anything is told, and what lists leave out.

Whoever serves an operation asks here first: the API for its routes, MCP for its tools. The place
of an object that the caller may not know is never named: a denial looks the same whether the
object exists or not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from choreo_local.authz.interfaces import DecisionPoint
from choreo_local.authz.types import Decision, Hierarchy, Request, Subject
from choreo_local.errors import ForbiddenError, NotFoundError
from choreo_local.services import guards, kinds
from choreo_local.services.kinds import ServedKind

Manifest = dict[str, Any]

DENIED = "You do not have permission to perform this operation"
_COMPONENT = kinds.BY_KIND["Component"]


class StoredObjects(Protocol):
    """Reads objects as the cluster has them; `services.base.Objects` is one."""

    async def stored(
        self, kind: ServedKind, name: str, namespace: str | None = None
    ) -> Manifest: ...


class Access:
    """The rights of one caller.

    Args:
        decisions: decides.
        subject: who calls; None where nobody was recognised.
        objects: reads the objects whose place must be known.
    """

    def __init__(
        self, decisions: DecisionPoint, subject: Subject | None, objects: StoredObjects
    ) -> None:
        self.decisions = decisions
        self.subject = subject
        self._objects = objects

    def decide(
        self, action: str, where: Hierarchy, attributes: Mapping[str, str] | None = None
    ) -> Decision:
        """The decision; a caller whom nobody recognised may do nothing."""
        if self.subject is None and self.decisions.enabled:
            return Decision(allowed=False, reason="nobody was recognised")
        return self.decisions.decide(
            Request(
                self.subject, action, where, action.partition(":")[0], attributes=attributes or {}
            )
        )

    def allows(
        self, action: str, where: Hierarchy, attributes: Mapping[str, str] | None = None
    ) -> bool:
        """Whether the caller may."""
        return self.decide(action, where, attributes).allowed

    def covers(self, action: str, where: Hierarchy) -> bool:
        """Whether the caller may, there and everywhere below, whatever the attributes."""
        return self.decisions.covers(self.subject, action, where)

    def check(
        self,
        action: str,
        where: Hierarchy,
        attributes: Mapping[str, str] | None = None,
        *,
        told: Hierarchy | None = None,
    ) -> None:
        """ForbiddenError unless the caller may.

        Args:
            action: what is about to be done.
            where: the place of it.
            attributes: what conditions may look at.
            told: the place that the error may name, where `where` is not the caller's to know.
        """
        if not self.allows(action, where, attributes):
            raise denied(action, where if told is None else told)

    def check_object(self, action: str, kind: ServedKind, obj: Mapping[str, Any]) -> None:
        """ForbiddenError unless the caller may do something to a stored object."""
        metadata = obj["metadata"]
        namespace = metadata.get("namespace")
        where = guards.by_object(kind, obj, namespace=namespace)
        seen = guards.attributes(action, kind, obj, namespace=namespace)
        told = None if guards.is_placed_by_path(kind) else guards.around(kind, namespace)
        self.check(action, where, seen, told=told)

    async def check_stored(
        self, action: str, kind: ServedKind, name: str, namespace: str | None = None
    ) -> Manifest:
        """The stored object to which the caller may do something.

        ForbiddenError when they may not; NotFoundError when it is missing, to those alone who may
        know that, others get the same ForbiddenError.
        """
        with self.untold(action, kind, name, namespace):
            obj = await self._objects.stored(kind, name, namespace)
        self.check_object(action, kind, obj)
        return obj

    @contextmanager
    def untold(
        self, action: str, kind: ServedKind, name: str, namespace: str | None
    ) -> Iterator[None]:
        """Within it an object is looked for; whether it is missing is told to whom it may be.

        Where the path says enough for a decision, that comes first.
        """
        if guards.is_placed_by_path(kind):
            self.check(action, guards.by_path(kind, name, namespace))
            yield
            return
        place = guards.around(kind, namespace)
        try:
            yield
        except NotFoundError:
            if self.covers(action, place):
                raise
            raise denied(action, place) from None

    async def check_component(
        self, action: str, namespace: str, name: str, *, environment: str = ""
    ) -> Manifest:
        """The component, when the caller may do `action` to it or to what belongs to it there.

        E.g. `releasebinding:update` or `logs:view`, in an environment if one is named.
        """
        with self.untold(action, _COMPONENT, name, namespace):
            obj = await self._objects.stored(_COMPONENT, name, namespace)
        where = guards.by_object(_COMPONENT, obj, namespace=namespace)
        seen = guards.environment(environment, namespace) if environment else {}
        self.check(action, where, seen, told=Hierarchy(namespace))
        return obj

    def sees(self, kind: ServedKind, obj: Mapping[str, Any]) -> bool:
        """Whether an object is in the caller's lists."""
        action, namespace = guards.action(kind, "view"), obj["metadata"].get("namespace")
        where = guards.by_object(kind, obj, namespace=namespace)
        return self.allows(action, where, guards.attributes(action, kind, obj, namespace=namespace))


def denied(action: str, where: Hierarchy) -> ForbiddenError:
    """The error of a caller who may not do `action`; it names what is missing, and where."""
    return ForbiddenError(
        DENIED,
        remedy=f"Ask for a role with {action} that reaches {where.path}; "
        f"see why: choreo auth why-denied {action}",
        details={"action": action, "scope": where.path},
    )
