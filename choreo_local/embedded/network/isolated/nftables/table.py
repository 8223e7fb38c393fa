"""Tables of rules as values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from choreo_local.embedded.network.isolated.nftables.fields import Key, Kind
from choreo_local.embedded.network.isolated.nftables.statements import Rule, Verdict

Elements = Mapping[Key, Verdict | None]


@dataclass(frozen=True, slots=True)
class Set:
    """A set, or a map of keys to verdicts.

    Attributes:
        kinds: what a key consists of.
    """

    kinds: tuple[Kind, ...]
    elements: Elements = field(default_factory=dict)
    is_map: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """Where packets enter a chain by themselves."""

    kind: str
    point: str
    priority: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules, in their order."""

    rules: tuple[Rule, ...] = ()
    hook: Hook | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Sets and chains by their names."""

    name: str
    sets: Mapping[str, Set]
    chains: Mapping[str, Chain]
