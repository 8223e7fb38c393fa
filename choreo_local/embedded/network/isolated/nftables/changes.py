"""Single changes of a table. Pure.

Each knows its words in the language of `nft`; `messages` says it to the kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from choreo_local.embedded.network.isolated.nftables import fields, statements
from choreo_local.embedded.network.isolated.nftables.fields import Key, Kind
from choreo_local.embedded.network.isolated.nftables.statements import Rule, Verdict
from choreo_local.embedded.network.isolated.nftables.table import Hook, Set

Element = tuple[Key, Verdict | None]


@dataclass(frozen=True, slots=True)
class AddTable:
    """Make a table; one of that name may exist."""

    table: str

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"add table ip {self.table}"


@dataclass(frozen=True, slots=True)
class RemoveTable:
    """Remove a table with all that is in it."""

    table: str

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"delete table ip {self.table}"


@dataclass(frozen=True, slots=True)
class AddSet:
    """Make a set, without its elements."""

    table: str
    name: str
    set: Set

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        kinds = " . ".join(kind.name for kind in self.set.kinds)
        what, data = ("map", " : verdict") if self.set.is_map else ("set", "")
        return f"add {what} ip {self.table} {self.name} {{ type {kinds}{data}; }}"


@dataclass(frozen=True, slots=True)
class RemoveSet:
    """Remove a set that no rule asks."""

    table: str
    name: str

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"delete set ip {self.table} {self.name}"


@dataclass(frozen=True, slots=True)
class AddElements:
    """Add to a set."""

    table: str
    name: str
    kinds: tuple[Kind, ...]
    elements: tuple[Element, ...]

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"add element ip {self.table} {self.name} {_elements(self.kinds, self.elements)}"


@dataclass(frozen=True, slots=True)
class RemoveElements:
    """Take from a set."""

    table: str
    name: str
    kinds: tuple[Kind, ...]
    elements: tuple[Element, ...]

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"delete element ip {self.table} {self.name} {_elements(self.kinds, self.elements)}"


@dataclass(frozen=True, slots=True)
class AddChain:
    """Make a chain, without its rules."""

    table: str
    name: str
    hook: Hook | None

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        if self.hook is None:
            return f"add chain ip {self.table} {self.name}"
        where = f"type {self.hook.kind} hook {self.hook.point} priority {self.hook.priority}"
        return f"add chain ip {self.table} {self.name} {{ {where}; policy accept; }}"


@dataclass(frozen=True, slots=True)
class EmptyChain:
    """Remove the rules of a chain."""

    table: str
    name: str

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"flush chain ip {self.table} {self.name}"


@dataclass(frozen=True, slots=True)
class RemoveChain:
    """Remove a chain that nothing leads to."""

    table: str
    name: str

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"delete chain ip {self.table} {self.name}"


@dataclass(frozen=True, slots=True)
class AddRule:
    """Append to a chain."""

    table: str
    chain: str
    rule: Rule

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"add rule ip {self.table} {self.chain} {statements.text_of(self.rule)}"


Change = (
    AddTable
    | RemoveTable
    | AddSet
    | RemoveSet
    | AddElements
    | RemoveElements
    | AddChain
    | EmptyChain
    | RemoveChain
    | AddRule
)


def _elements(kinds: tuple[Kind, ...], elements: tuple[Element, ...]) -> str:
    found = (
        fields.text(kinds, key) + (f" : {verdict.text}" if verdict else "")
        for key, verdict in elements
    )
    return f"{{ {', '.join(found)} }}"


def script(changes: Iterable[Change]) -> str:
    """The same for `nft -f`."""
    return "".join(f"{each.text}\n" for each in changes)
