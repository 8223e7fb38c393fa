"""What the checks of pod security look at, and how they word what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pod:
    """What the checks look at.

    Attributes:
        minor: of the version of the standards that is asked for.
    """

    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    minor: int

    @property
    def context(self) -> Mapping[str, Any]:
        """The security context that all containers share."""
        return self.spec.get("securityContext") or {}

    @property
    def is_windows(self) -> bool:
        """Whether it runs on Windows, which knows less to restrict."""
        return self.minor >= 25 and (self.spec.get("os") or {}).get("name") == "windows"

    @property
    def is_relaxed(self) -> bool:
        """Whether its users are not those of the host."""
        return self.minor >= 35 and self.spec.get("hostUsers") is False

    def containers(self) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
        """Name, container and security context of each."""
        for field in ("initContainers", "containers", "ephemeralContainers"):
            for container in self.spec.get(field) or ():
                yield container.get("name", ""), container, container.get("securityContext") or {}


@dataclass(frozen=True, slots=True)
class Violation:
    """What a pod does that its level forbids."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})"


Check = Callable[[Pod], Violation | None]


def quote(items: Sequence[str]) -> str:
    """A list in words, each item in quotes."""
    return ", ".join(f'"{item}"' for item in items)


def plural(word: str, items: Sequence[str]) -> str:
    """The word for so many items."""
    return word if len(items) == 1 else f"{word}s"


def named(names: Sequence[str]) -> str:
    """Containers in words."""
    return f"{plural('container', names)} {quote(names)}"


def setters(names: Sequence[str], *, by_pod: bool) -> str:
    """The pod, containers, or both in words."""
    return " and ".join([*(["pod"] if by_pod else []), *([named(names)] if names else [])])
