"""Puts together the table of a world, out of that of the world before where little has changed.

Pure: what a table is, the world alone decides; the world before only saves work. There may be
hundreds of Pods and policies, and each Pod that starts waits for its rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.embedded.network import policy
from choreo_local.embedded.network.isolated import ruleset
from choreo_local.embedded.network.isolated.filtering import EGRESS, INGRESS, Filter, Meant
from choreo_local.embedded.network.isolated.nftables.expressions import Code
from choreo_local.embedded.network.isolated.nftables.fields import Key
from choreo_local.embedded.network.isolated.nftables.statements import Verdict
from choreo_local.embedded.network.isolated.nftables.table import Chain, Elements, Set, Table
from choreo_local.embedded.network.isolated.ruleset import End, Service, World
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance

Manifest = Mapping[str, Any]


def table(world: World) -> Table:
    """The rules of a world."""
    return Tables().table(world)


class _Edits:
    """What is to be taken from sets and put into them."""

    def __init__(self) -> None:
        self._removed: dict[str, list[Key]] = {}
        self._added: dict[str, dict[Key, Verdict | None]] = {}

    def remove(self, name: str, keys: Iterable[Key]) -> None:
        self._removed.setdefault(name, []).extend(keys)

    def add(self, name: str, elements: Elements) -> None:
        self._added.setdefault(name, {}).update(elements)

    def applied(self, name: str, to: Set) -> Set:
        """The same set when nothing changes."""
        removed, added = self._removed.get(name), self._added.get(name)
        if not removed and not added:
            return to
        elements = dict(to.elements)
        for key in removed or ():
            elements.pop(key, None)
        elements.update(added or {})
        return Set(to.kinds, elements, to.is_map)

    @property
    def names(self) -> set[str]:
        return self._removed.keys() | self._added.keys()


class Tables:
    """Makes tables of worlds that follow each other."""

    def __init__(self) -> None:
        self._policies: list[Manifest] = []
        self._ends: dict[str, End] = {}
        self._resolver: Peer | None = None
        self._filters: dict[str, dict[str, Filter]] = {}
        self._uses: Counter[Meant] = Counter()
        self._chain_uses: Counter[str] = Counter()
        self._chains: dict[str, Chain] = {}
        self._services: Mapping[Entrance, Service] = {}
        self._service_chains: dict[str, Chain] = {}
        self._sets = dict(ruleset.SETS)

    def table(self, world: World) -> Table:
        """The rules of a world."""
        edits = _Edits()
        ends = {end.link: end for end in world.ends}
        dirty = self._concerned(world.policies)
        dirty |= {link for link in ends.keys() | self._ends.keys() if self._differs(link, ends)}
        self._follow(world, ends, dirty, edits)
        if world.services is not self._services:
            self._follow_services(world.services, edits)
        self._sets |= {name: edits.applied(name, self._sets[name]) for name in edits.names}
        fixed = ruleset.addressing(world.network, world.gateway, world.exit_port)
        chains = {**self._service_chains, **fixed, **self._chains, **ruleset.passing()}
        return Table(ruleset.TABLE, dict(self._sets), chains)

    def _differs(self, link: str, ends: Mapping[str, End]) -> bool:
        before, after = self._ends.get(link), ends.get(link)
        return before is not after and before != after

    # --- policies --------------------------------------------------------------------------------

    def _concerned(self, policies: Sequence[Manifest]) -> set[str]:
        """The links of Pods whose rules other policies make, as the Pods were."""
        changed = _changed(self._policies, policies)
        self._policies = list(policies)
        return {
            link
            for link, end in self._ends.items()
            for each in changed
            if any(policy.selects(each, end.peer, way) for way in (INGRESS, EGRESS))
        }

    # --- Pods ------------------------------------------------------------------------------------

    def _follow(
        self, world: World, ends: Mapping[str, End], dirty: set[str], edits: _Edits
    ) -> None:
        """Replace what is known of some Pods: their rules, and where they are members."""
        gone = [self._ends[link].peer for link in dirty if link in self._ends]
        come = [ends[link].peer for link in dirty if link in ends]
        if world.resolver != self._resolver:
            gone += [self._resolver] if self._resolver is not None else []
            come.append(world.resolver)
        known = set(self._uses)
        for link in dirty:
            self._forget(link, edits)
        self._ends, self._resolver = dict(ends), world.resolver
        for link in dirty & ends.keys():
            self._learn(ends[link], edits)
        self._members(known, gone, come, edits)

    def _forget(self, link: str, edits: _Edits) -> None:
        filters = self._filters.pop(link, {})
        if link in self._ends:
            for name, elements in ruleset.elements(self._ends[link], filters).items():
                edits.remove(name, elements)
        for place, each in filters.items():
            self._uses.subtract(each.meant)
            self._chain_uses[ruleset.chain_name(place, each.rules)] -= 1

    def _learn(self, end: End, edits: _Edits) -> None:
        filters = self._filters[end.link] = ruleset.restrictions(self._policies, end)
        for name, elements in ruleset.elements(end, filters).items():
            edits.add(name, elements)
        for place, each in filters.items():
            self._uses.update(each.meant)
            name = ruleset.chain_name(place, each.rules)
            self._chain_uses[name] += 1
            if name not in self._chains:
                self._chains[name] = Chain(each.rules)

    def _members(
        self, known: set[Meant], gone: Sequence[Peer], come: Sequence[Peer], edits: _Edits
    ) -> None:
        """Keep the sets of whom policies mean, and drop what nobody asks any more."""
        for name in [name for name, count in self._chain_uses.items() if count <= 0]:
            del self._chain_uses[name]
            del self._chains[name]
        for meant in [meant for meant, count in self._uses.items() if count <= 0]:
            del self._uses[meant]
            self._sets.pop(meant.name, None)
        peers = [end.peer for end in self._ends.values()]
        peers += [self._resolver] if self._resolver is not None else []
        for meant in self._uses:
            if meant not in known:
                self._sets[meant.name] = Set(meant.kinds, meant.elements(peers))
            else:
                edits.remove(meant.name, meant.elements(gone))
                edits.add(meant.name, meant.elements(come))

    # --- Services --------------------------------------------------------------------------------

    def _follow_services(self, services: Mapping[Entrance, Service], edits: _Edits) -> None:
        before = self._services
        for entrance, service in before.items():
            if service.endpoints and service != services.get(entrance):
                self._service_chains.pop(ruleset.service_name(entrance), None)
                edits.remove("services", [ruleset.service_key(entrance)])
        for entrance, service in services.items():
            if service.endpoints and service != before.get(entrance):
                name = ruleset.service_name(entrance)
                self._service_chains[name] = ruleset.service_chain(entrance, service)
                edits.add("services", {ruleset.service_key(entrance): Verdict(Code.GOTO, name)})
        self._services = services


def _changed(old: Sequence[Manifest], new: Sequence[Manifest]) -> list[Manifest]:
    """The policies of either that the other has not."""
    kept = {id(each) for each in old} & {id(each) for each in new}
    gone = [each for each in old if id(each) not in kept]
    come = [each for each in new if id(each) not in kept]
    same = [each for each in come if each in gone]
    return [each for each in (*gone, *come) if each not in same]
