"""The catalogue of actions: what can be allowed, the lowest scope of each, what conditions see.

Also how patterns of actions match, in roles and in conditions alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

ANY = "*"


class Level(StrEnum):
    """A level of the hierarchy."""

    CLUSTER = "cluster"
    NAMESPACE = "namespace"
    PROJECT = "project"
    COMPONENT = "component"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Action:
    """One action.

    Attributes:
        lowest_scope: the deepest level at which allowing it makes sense.
        attribute: what a condition on it may look at, below `resource`; "" for nothing.
    """

    name: str
    lowest_scope: Level
    attribute: str = ""


# What a condition sees, for a person.
ATTRIBUTES: Mapping[str, str] = {
    "environment": "The environment that is concerned, as namespace/name.",
    "componentType": "The component's type: namespace/name, or the name of a cluster-wide type.",
    "resourceType": "The resource's type: namespace/name, or the name of a cluster-wide type.",
    "workflow": "The run's workflow: namespace/name, or the name of a cluster-wide workflow.",
}

_ALL = ("view", "create", "update", "delete")
_CHANGES = _ALL[1:]
_KEPT = ("view", "create", "delete")
_OF_CLUSTER = (
    *("clustercomponenttype", "clusterresourcetype", "clusterprojecttype", "clustertrait"),
    *("clusterworkflow", "clusterdataplane", "clusterworkflowplane", "clusterobservabilityplane"),
    *("clusterauthzrole", "clusterauthzrolebinding"),
)
_OF_NAMESPACE = (
    *("componenttype", "resourcetype", "projecttype", "workflow", "trait", "environment"),
    *("dataplane", "workflowplane", "observabilityplane", "deploymentpipeline"),
    *("observabilityalertsnotificationchannel", "secretreference", "secret"),
    *("authzrole", "authzrolebinding"),
)
# Resource → verbs at their lowest scope, where that is the same for all of them.
_EVEN: Mapping[str, tuple[Level, tuple[str, ...]]] = {
    **dict.fromkeys(_OF_CLUSTER, (Level.CLUSTER, _ALL)),
    **dict.fromkeys(_OF_NAMESPACE, (Level.NAMESPACE, _ALL)),
    "componentrelease": (Level.COMPONENT, _KEPT),
    "resourcerelease": (Level.RESOURCE, _KEPT),
    "projectrelease": (Level.PROJECT, _KEPT),
    "releasebinding": (Level.COMPONENT, _ALL),
    "resourcereleasebinding": (Level.RESOURCE, _ALL),
    "projectreleasebinding": (Level.PROJECT, _ALL),
    "workload": (Level.COMPONENT, _ALL),
    "workflowrun": (Level.COMPONENT, _ALL),
    **dict.fromkeys(
        ("logs", "events", "wirelogs", "metrics", "alerts", "finops"), (Level.COMPONENT, ("view",))
    ),
    "traces": (Level.PROJECT, ("view",)),
    "incidents": (Level.COMPONENT, ("view", "update")),
    "rcareport": (Level.PROJECT, ("view", "update")),
    "finopsreport": (Level.PROJECT, ("view", "update")),
}
# Resource → scope of create, scope of the other verbs, the other verbs.
_UNEVEN: Mapping[str, tuple[Level, Level, tuple[str, ...]]] = {
    "namespace": (Level.CLUSTER, Level.NAMESPACE, ("view", "update", "delete")),
    "project": (Level.NAMESPACE, Level.PROJECT, ("view", "update", "delete")),
    "component": (Level.PROJECT, Level.COMPONENT, ("view", "update", "delete", "exec")),
    "resource": (Level.PROJECT, Level.RESOURCE, ("view", "update", "delete")),
}
_SEEN: Mapping[str, str] = {
    **{f"component:{verb}": "componentType" for verb in _CHANGES},
    **{f"resource:{verb}": "resourceType" for verb in _CHANGES},
    **{f"workflowrun:{verb}": "workflow" for verb in _CHANGES},
    **{
        f"{kind}:{verb}": "environment"
        for kind in ("releasebinding", "resourcereleasebinding", "projectreleasebinding")
        for verb in _ALL
    },
    "component:exec": "environment",
    **{f"{kind}:view": "environment" for kind in ("logs", "wirelogs", "metrics", "traces")},
}


def _catalogue() -> Iterator[Action]:
    scopes: dict[str, Level] = {}
    for kind, (level, verbs) in _EVEN.items():
        scopes |= {f"{kind}:{verb}": level for verb in verbs}
    for kind, (creating, level, verbs) in _UNEVEN.items():
        scopes |= {f"{kind}:create": creating, **{f"{kind}:{verb}": level for verb in verbs}}
    for name in sorted(scopes):
        yield Action(name, scopes[name], _SEEN.get(name, ""))


# All of them, by name.
ALL: Mapping[str, Action] = {action.name: action for action in _catalogue()}


def matches(pattern: str, action: str) -> bool:
    """Whether a pattern of a role or a condition stands for an action.

    A pattern is an action, `resource:*` or `*`. Where the action is itself a pattern, which only
    somebody who asks hypothetically can write, it fits when it stands for the other.
    """
    return pattern == action or _stands_for(pattern, action) or _stands_for(action, pattern)


def _stands_for(pattern: str, action: str) -> bool:
    if pattern == ANY:
        return True
    prefix = pattern[:-1]
    return pattern.endswith(":*") and action.startswith(prefix) and action != prefix


def standing_for(action: str) -> tuple[str, ...]:
    """All patterns that stand for an action which is none itself."""
    kind, _, verb = action.partition(":")
    return (action, f"{kind}:{ANY}", ANY) if verb else (action, ANY)


def expanded(pattern: str) -> list[str]:
    """The actions that a pattern stands for; what is no pattern stands for itself."""
    if pattern == ANY:
        return list(ALL)
    if pattern.endswith(":*"):
        return [name for name in ALL if name.startswith(pattern[:-1])]
    return [pattern]
