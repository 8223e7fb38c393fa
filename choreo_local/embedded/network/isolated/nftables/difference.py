"""What makes one table of another. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from choreo_local.embedded.network.isolated.nftables.changes import (
    AddChain,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    Change,
    Element,
    EmptyChain,
    RemoveChain,
    RemoveElements,
    RemoveSet,
    RemoveTable,
)
from choreo_local.embedded.network.isolated.nftables.statements import DROP
from choreo_local.embedded.network.isolated.nftables.table import Chain, Set, Table

_ELEMENTS_AT_ONCE = 500
# Of one transaction: about 200 kB, half of what the kernel takes from whoever is not root.
_MOST_WEIGHT, _WEIGHT_OF_RULE = 3000, 6


def changes(old: Table | None, new: Table) -> list[Change]:
    """What makes a table of another one; without one, whatever there is under its name goes."""
    if old is None or _differ_in_shape(old, new):
        start: list[Change] = [AddTable(new.name), RemoveTable(new.name), AddTable(new.name)]
        return [*start, *_between(Table(new.name, {}, {}), new)]
    return list(_between(old, new))


def in_stages(new: Table) -> list[list[Change]]:
    """A table in several transactions, for when one is too long; nothing passes until the last."""
    closed = {
        name: Chain(((DROP,),) if chain.hook.kind == "filter" else (), chain.hook)
        for name, chain in new.chains.items()
        if chain.hook is not None
    }
    first = Table(new.name, {}, closed)
    before_last = Table(new.name, new.sets, {**new.chains, **closed})
    middle = _in_portions(_between(first, before_last))
    return [changes(None, first), *middle, changes(before_last, new)]


def _in_portions(wanted: Iterable[Change]) -> Iterator[list[Change]]:
    portion: list[Change] = []
    weight = 0
    for each in wanted:
        own = len(each.elements) if isinstance(each, AddElements) else _WEIGHT_OF_RULE
        if portion and weight + own > _MOST_WEIGHT:
            yield portion
            portion, weight = [], 0
        portion.append(each)
        weight += own
    yield portion


def _differ_in_shape(old: Table, new: Table) -> bool:
    """Whether something with the same name would have to be made anew."""
    if old.name != new.name:
        return True
    chains = (old.chains[name].hook != chain.hook for name, chain in _shared_chains(old, new))
    sets = (
        (old.sets[name].kinds, old.sets[name].is_map) != (each.kinds, each.is_map)
        for name, each in new.sets.items()
        if name in old.sets
    )
    return any(chains) or any(sets)


def _shared_chains(old: Table, new: Table) -> Iterator[tuple[str, Chain]]:
    return ((name, chain) for name, chain in new.chains.items() if name in old.chains)


def _between(old: Table, new: Table) -> Iterator[Change]:
    """What is referred to comes before what refers to it, and goes after it.

    Chains are referred to by rules and by the elements of maps, sets and maps by rules.
    """
    table = new.name
    for name, added in new.sets.items():
        if name not in old.sets:
            yield AddSet(table, name, added)
    for name, chain in new.chains.items():
        if name not in old.chains:
            yield AddChain(table, name, chain.hook)
    yield from _element_changes(old, new)
    for name, chain in new.chains.items():
        yield from _rule_changes(table, name, old.chains.get(name), chain)
    gone = [name for name in old.chains if name not in new.chains]
    yield from (EmptyChain(table, name) for name in gone)
    yield from (RemoveChain(table, name) for name in gone)
    for name in old.sets:
        if name not in new.sets:
            yield RemoveSet(table, name)


def _element_changes(old: Table, new: Table) -> Iterator[Change]:
    left = {name: Set(each.kinds) for name, each in old.sets.items() if each.is_map}
    for name, wanted in {**left, **new.sets}.items():
        before = old.sets[name].elements if name in old.sets else {}
        if before is wanted.elements:
            continue
        gone = [
            (key, None)
            for key, verdict in before.items()
            if key not in wanted.elements or wanted.elements[key] != verdict
        ]
        come = [
            (key, verdict)
            for key, verdict in wanted.elements.items()
            if key not in before or before[key] != verdict
        ]
        for some in _portions(gone):
            yield RemoveElements(new.name, name, wanted.kinds, some)
        for some in _portions(come):
            yield AddElements(new.name, name, wanted.kinds, some)


def _portions(elements: Iterable[Element]) -> Iterator[tuple[Element, ...]]:
    """What goes into one message: its length is limited."""
    left = iter(elements)
    while some := tuple(islice(left, _ELEMENTS_AT_ONCE)):
        yield some


def _rule_changes(table: str, name: str, old: Chain | None, new: Chain) -> Iterator[Change]:
    if old is not None:
        if old is new or old.rules == new.rules:
            return
        yield EmptyChain(table, name)
    for rule in new.rules:
        yield AddRule(table, name, rule)
