"""A release on its way into an environment: which ways are legal, and what to say of them; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from choreo_local.api import labels
from choreo_local.apimachinery import conditions
from choreo_local.errors import Cause, ConflictError, InvalidError, NotFoundError
from choreo_local.rendering import names
from choreo_local.services import pipelines

Manifest = dict[str, Any]


class Unchecked:
    """The caller does not say what it expects."""


UNCHECKED: Final = Unchecked()
Expected = str | None | Unchecked


@dataclass(frozen=True, slots=True)
class Scope:
    """A component, its project and the pipeline along which its releases go."""

    component: Manifest
    project: Manifest
    pipeline: Manifest

    @property
    def namespace(self) -> str:
        """Of all three."""
        return str(self.component["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """Of the component."""
        return str(self.component["metadata"]["name"])

    @property
    def owner(self) -> dict[str, str]:
        """`spec.owner` of what belongs to the component."""
        return {"projectName": self.project["metadata"]["name"], "componentName": self.name}


@dataclass(frozen=True, slots=True)
class Move:
    """A release, where it comes from and where it goes.

    Attributes:
        binding: of the target, None when the component has never been there.
    """

    scope: Scope
    source: str
    target: str
    release: Manifest
    binding: Manifest | None
    warnings: Sequence[str] = ()

    @property
    def release_name(self) -> str:
        """Of the release that goes."""
        return str(self.release["metadata"]["name"])

    @property
    def current(self) -> str | None:
        """The release that the target has now."""
        return bound_release(self.binding)


def planned(move: Move) -> Manifest:
    """The binding of the target as it will be."""
    if move.binding is not None:
        spec = {**move.binding["spec"], "releaseName": move.release_name, "state": "Active"}
        return {**move.binding, "spec": spec}
    scope = move.scope
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "ReleaseBinding",
        "metadata": {
            "name": names.binding(scope.name, move.target),
            "namespace": scope.namespace,
            "labels": {
                labels.PROJECT: scope.owner["projectName"],
                labels.COMPONENT: scope.name,
            },
        },
        "spec": {
            "owner": scope.owner,
            "environment": move.target,
            "releaseName": move.release_name,
        },
    }


def sources(scope: Scope, to: str, source: str | None) -> list[str]:
    """Where a promotion to `to` may come from; InvalidError names the legal ways."""
    found = pipelines.sources(scope.pipeline, to)
    if found and source in (None, *found):
        return [source] if source else found
    legal = [f"{start} → {end}" for start, end in pipelines.paths(scope.pipeline)]
    wanted = f"from {source} to {to}" if source else f"to {to}"
    pipeline = scope.pipeline["metadata"]["name"]
    field = "from" if found else "to"
    problem = f'pipeline "{pipeline}" has no way {wanted}'
    raise InvalidError(
        f'cannot promote "{scope.name}" to {to}: {problem}; it has {", ".join(legal) or "none"}',
        remedy=f"Choose one of: {', '.join(pipelines.targets(scope.pipeline)) or 'none'}",
        causes=[Cause("FieldValueNotSupported", problem, field)],
    )


def source_warnings(source: str, binding: Manifest | None, release: str) -> list[str]:
    """What a person should know of the environment that the release comes from."""
    if binding is None:
        return [f"{source} has never had this component"]
    if is_undeployed(binding):
        return [f"{source} is undeployed"]
    if bound_release(binding) != release:
        return [f"{source} has another release: {bound_release(binding)}"]
    ready = conditions.find((binding.get("status") or {}).get("conditions") or (), "Ready") or {}
    if ready.get("status") == "True":
        return []
    return [f"{source} is not ready: {ready.get('message') or 'it waits for the controller'}"]


def target_warnings(target: str, binding: Manifest | None) -> list[str]:
    """What a person should know of the environment that gets the release."""
    if binding is not None and is_undeployed(binding):
        return [f"{target} is undeployed; this deploys it again"]
    return []


def check_expected(move: Move, expected: Expected) -> None:
    """Raise ConflictError when the target is not as the caller saw it."""
    if isinstance(expected, Unchecked) or move.current == expected:
        return
    raise ConflictError(
        f"{move.target} has {move.current or 'no release'} by now, not "
        f"{expected or 'no release'} as when you looked",
        remedy="Look at the plan again",
    )


def not_deployed(scope: Scope, environment: str) -> NotFoundError:
    """The error of a component that an environment has never had."""
    known = pipelines.order([scope.pipeline])
    if environment not in known:
        return NotFoundError(
            f'pipeline "{scope.pipeline["metadata"]["name"]}" has no environment "{environment}"',
            remedy=f"Choose one of: {', '.join(known)}",
        )
    return NotFoundError(
        f'"{scope.name}" is not deployed in {environment}',
        remedy=f"Bring it there: choreo promote {scope.name} --to {environment}",
    )


def bound_release(binding: Manifest | None) -> str | None:
    """The release that a binding pins; None without one."""
    return ((binding or {}).get("spec") or {}).get("releaseName") or None


def is_undeployed(binding: Manifest | None) -> bool:
    """Whether a binding was told to take everything down."""
    return ((binding or {}).get("spec") or {}).get("state") == "Undeploy"
