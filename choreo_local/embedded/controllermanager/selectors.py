"""`metav1.LabelSelector`: match labels, and print as the query form. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Requirement:
    """One expression of a selector."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil the expression; an unknown operator matches nothing."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        return False

    def __str__(self) -> str:
        """As in a `labelSelector` query."""
        listed = ",".join(sorted(self.values))
        match self.operator:
            case "In" if len(self.values) == 1:
                return f"{self.key}={listed}"
            case "In":
                return f"{self.key} in ({listed})"
            case "NotIn":
                return f"{self.key} notin ({listed})"
            case "Exists":
                return self.key
        return f"!{self.key}"


@dataclass(frozen=True, slots=True)
class Selector:
    """All requirements must be fulfilled; with none, everything matches."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    @property
    def empty(self) -> bool:
        """Whether it selects everything."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels are selected."""
        return not self.nothing and all(each.matches(labels) for each in self.requirements)

    def __str__(self) -> str:
        """As in a `labelSelector` query, sorted by key."""
        return ",".join(str(each) for each in sorted(self.requirements, key=lambda r: r.key))


def label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """Read a `metav1.LabelSelector`; None selects nothing, `{}` everything."""
    if selector is None:
        return Selector(nothing=True)
    equal = equality(selector.get("matchLabels") or {}).requirements
    expressions = tuple(
        Requirement(each["key"], each["operator"], tuple(each.get("values") or ()))
        for each in selector.get("matchExpressions") or ()
    )
    return Selector(equal + expressions)


def equality(labels: Mapping[str, str]) -> Selector:
    """The selector of a plain map, as Services and ReplicationControllers have it."""
    return Selector(
        tuple(Requirement(key, "In", (value,)) for key, value in sorted(labels.items()))
    )
