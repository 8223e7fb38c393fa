"""The statements of rules, as values. Pure.

Each knows its words in the language of `nft`, for messages and for comparing with that program,
and the kernel's expressions that mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Protocol

from choreo_local.embedded.network.isolated.nftables import expressions, fields
from choreo_local.embedded.network.isolated.nftables.expressions import Code, Comparison
from choreo_local.embedded.network.isolated.nftables.fields import (
    ADDRESS,
    CHOICE,
    PORT,
    SOURCE,
    Field,
    Value,
)

# Names of sets that live and end with their rule; the kernel fills in a number.
ANONYMOUS_MAP = "__map%d"
_STATES = {"established": 2, "related": 4}
_STATUSES = {"dnat": 0x20}
FLAGS = _STATES | _STATUSES


class Statement(Protocol):
    """A part of a rule."""

    @property
    def text(self) -> str:
        """As `nft` writes it."""

    def expressions(self, identifier: int) -> bytes:
        """As the kernel takes it; the number names the set that belongs to the rule."""


Rule = tuple[Statement, ...]


def text_of(rule: Rule) -> str:
    """A rule in the language of `nft`."""
    return " ".join(each.text for each in rule)


@dataclass(frozen=True, slots=True)
class Is:
    """A field has a value."""

    field: Field
    value: Value

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"{self.field.text} {self.field.kind.text(self.value)}"

    def expressions(self, identifier: int) -> bytes:
        """Load and compare."""
        data = self.field.kind.packed(self.value)
        return self.field.load(0) + expressions.compare(0, Comparison.EQUAL, data)


@dataclass(frozen=True, slots=True)
class Begins:
    """The name of a link begins so."""

    field: Field
    prefix: str

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f'{self.field.text} "{self.prefix}*"'

    def expressions(self, identifier: int) -> bytes:
        """Load, and compare no more than there is."""
        return self.field.load(0) + expressions.compare(0, Comparison.EQUAL, self.prefix.encode())


@dataclass(frozen=True, slots=True)
class InBlock:
    """An address lies in a network, or outside of it."""

    field: Field
    network: IPv4Network
    negated: bool = False

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"{self.field.text} {'!= ' if self.negated else ''}{self.network}"

    def expressions(self, identifier: int) -> bytes:
        """Load, mask and compare."""
        how = Comparison.UNEQUAL if self.negated else Comparison.EQUAL
        network, mask = self.network.network_address.packed, self.network.netmask.packed
        whole = b"" if self.network.prefixlen == 32 else expressions.masked(0, mask)
        return self.field.load(0) + whole + expressions.compare(0, how, network)


@dataclass(frozen=True, slots=True)
class Between:
    """A field lies between two values, both included."""

    field: Field
    first: int
    last: int

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"{self.field.text} {self.first}-{self.last}"

    def expressions(self, identifier: int) -> bytes:
        """Load once, compare twice."""
        first, last = self.field.kind.packed(self.first), self.field.kind.packed(self.last)
        least = expressions.compare(0, Comparison.AT_LEAST, first)
        return self.field.load(0) + least + expressions.compare(0, Comparison.AT_MOST, last)


@dataclass(frozen=True, slots=True)
class HasAny:
    """A field has one of some flags."""

    field: Field
    flags: tuple[str, ...]

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"{self.field.text} {','.join(self.flags)}"

    def expressions(self, identifier: int) -> bytes:
        """Load, mask, and see whether anything is left."""
        mask = self.field.kind.packed(sum(FLAGS[each] for each in self.flags))
        left = expressions.compare(0, Comparison.UNEQUAL, bytes(len(mask)))
        return self.field.load(0) + expressions.masked(0, mask) + left


def _loaded(asked: Sequence[Field]) -> bytes:
    found, word = b"", 0
    for field in asked:
        found += field.load(word)
        word += fields.words(field.kind)
    return found


def _joined(asked: Sequence[Field]) -> str:
    return " . ".join(each.text for each in asked)


@dataclass(frozen=True, slots=True)
class Member:
    """Fields together are in a set of the table, or are not."""

    fields: tuple[Field, ...]
    set: str
    negated: bool = False

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"{_joined(self.fields)} {'!= ' if self.negated else ''}@{self.set}"

    def expressions(self, identifier: int) -> bytes:
        """Load and look up."""
        return _loaded(self.fields) + expressions.lookup(0, self.set, inverted=self.negated)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What a map of the table says of fields together is done."""

    fields: tuple[Field, ...]
    map: str

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"{_joined(self.fields)} vmap @{self.map}"

    def expressions(self, identifier: int) -> bytes:
        """Load and look up."""
        return _loaded(self.fields) + expressions.decide(0, self.map)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the packet; some name a chain."""

    code: Code
    chain: str = ""

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"{self.code.name.lower()} {self.chain}".rstrip()

    def expressions(self, identifier: int) -> bytes:
        """The verdict."""
        return expressions.verdict(self.code, self.chain)


ACCEPT, DROP, RETURN = (Verdict(each) for each in (Code.ACCEPT, Code.DROP, Code.RETURN))


@dataclass(frozen=True, slots=True)
class Reject:
    """The sender is told that nothing listens."""

    text: str = "reject"

    def expressions(self, identifier: int) -> bytes:
        """The refusal."""
        return expressions.reject()


@dataclass(frozen=True, slots=True)
class Masquerade:
    """The router becomes the sender."""

    text: str = "masquerade"

    def expressions(self, identifier: int) -> bytes:
        """The translation."""
        return expressions.masquerade()


@dataclass(frozen=True, slots=True)
class SendTo:
    """A connection goes to another address and port."""

    address: str
    port: int

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        return f"dnat to {self.address}:{self.port}"

    def expressions(self, identifier: int) -> bytes:
        """Fill two registers and translate."""
        address = expressions.constant(0, ADDRESS.packed(self.address))
        port = expressions.constant(1, PORT.packed(self.port))
        return address + port + expressions.translate(0, 1)


@dataclass(frozen=True, slots=True)
class Spread:
    """Connections go to some of several places: the same for a sender, or any.

    Attributes:
        places: addresses and ports.
    """

    places: tuple[tuple[str, int], ...]
    by_sender: bool = False

    @property
    def text(self) -> str:
        """As `nft` writes it."""
        count = len(self.places)
        # Without a seed of ours, a sender would move whenever the rule is made anew.
        hashed, any_ = f"jhash ip saddr mod {count} seed 0x0", f"numgen random mod {count}"
        choice = hashed if self.by_sender else any_
        places = ", ".join(
            f"{number} : {address} . {port}" for number, (address, port) in enumerate(self.places)
        )
        return f"dnat to {choice} map {{ {places} }}"

    def expressions(self, identifier: int) -> bytes:
        """Choose a number, look up what it means, translate."""
        count = len(self.places)
        choice = expressions.random(count, 0)
        if self.by_sender:
            choice = SOURCE.load(1) + expressions.hashed(1, ADDRESS.length, count, 0)
        found = expressions.lookup(0, ANONYMOUS_MAP, identifier=identifier, into=0)
        return choice + found + expressions.translate(0, 1)

    def elements(self) -> list[tuple[bytes, bytes]]:
        """The map that belongs to the rule."""
        return [
            (CHOICE.packed(number), fields.packed((ADDRESS, PORT), place))
            for number, place in enumerate(self.places)
        ]
