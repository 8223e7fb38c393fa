"""What makes one table of another."""

from __future__ import annotations

from choreo_local.embedded.network.isolated import tables
from choreo_local.embedded.network.isolated.nftables.changes import script
from choreo_local.embedded.network.isolated.nftables.difference import changes
from choreo_local.embedded.network.isolated.nftables.expressions import Code
from choreo_local.embedded.network.isolated.nftables.fields import ADDRESS, LINK_NAME
from choreo_local.embedded.network.isolated.nftables.statements import (
    ACCEPT,
    DROP,
    Rule,
    Verdict,
)
from choreo_local.embedded.network.isolated.nftables.table import (
    Chain,
    Elements,
    Hook,
    Set,
    Table,
)
from tests.embedded.network.isolated.nftables import samples

FIRST, SECOND = Verdict(Code.JUMP, "one"), Verdict(Code.JUMP, "two")


def simple(elements: dict[str, Verdict], **chains: tuple[Rule, ...]) -> Table:
    keys: Elements = {(each,): verdict for each, verdict in elements.items()}
    made = {name: Chain(rules) for name, rules in chains.items()}
    return Table("t", {"m": Set((ADDRESS,), keys, is_map=True)}, made)


def lines(old: Table | None, new: Table) -> list[str]:
    return script(changes(old, new)).splitlines()


def test_equal_tables_need_no_change() -> None:
    assert changes(samples.everything(), samples.everything()) == []


def test_without_a_table_everything_is_made_after_what_there_may_be_has_gone() -> None:
    assert lines(None, simple({"10.0.0.1": FIRST}, one=((DROP,),))) == [
        "add table ip t",
        "delete table ip t",
        "add table ip t",
        "add map ip t m { type ipv4_addr : verdict; }",
        "add chain ip t one",
        "add element ip t m { 10.0.0.1 : jump one }",
        "add rule ip t one drop",
    ]


def test_only_what_differs_is_changed_and_in_an_order_that_the_kernel_allows() -> None:
    old = simple({"10.0.0.1": FIRST, "10.0.0.2": FIRST}, one=((DROP,),), same=((DROP,),))
    new = simple({"10.0.0.2": SECOND, "10.0.0.3": SECOND}, two=((DROP,),), same=((DROP,),))
    assert lines(old, new) == [
        "add chain ip t two",
        "delete element ip t m { 10.0.0.1, 10.0.0.2 }",
        "add element ip t m { 10.0.0.2 : jump two, 10.0.0.3 : jump two }",
        "add rule ip t two drop",
        "flush chain ip t one",
        "delete chain ip t one",
    ]


def test_the_rules_of_a_chain_are_replaced_together() -> None:
    old, new = simple({}, one=((DROP,),)), simple({}, one=((ACCEPT,), (DROP,)))
    assert lines(old, new) == [
        "flush chain ip t one",
        "add rule ip t one accept",
        "add rule ip t one drop",
    ]


def test_what_cannot_be_changed_in_place_means_a_fresh_start() -> None:
    old = Table("t", {"s": Set((ADDRESS,))}, {"c": Chain((), Hook("filter", "input", 0))})
    for new in (
        Table("t", {"s": Set((LINK_NAME,))}, {"c": Chain((), Hook("filter", "input", 0))}),
        Table("t", {"s": Set((ADDRESS,))}, {"c": Chain((), Hook("filter", "forward", 0))}),
        Table("u", old.sets, old.chains),
    ):
        assert changes(old, new) == changes(None, new)


def test_a_pod_that_comes_changes_no_rules_of_others() -> None:
    policies = samples.some_policies()
    few = [samples.end(number, app="web") for number in range(4)]
    before = tables.table(samples.world(few, policies))
    same = tables.table(samples.world([*few, samples.end(4, app="web")], policies))
    assert lines(before, same)
    assert all("add element" in line for line in lines(before, same))
    other = tables.table(samples.world([*few, samples.end(4, app="db")], policies))
    # Its own rules are new ones.
    assert not any("flush" in line or "delete" in line for line in lines(before, other))
