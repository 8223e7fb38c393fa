"""Tables of worlds that follow each other are those that each world has by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from choreo_local.embedded.network.isolated.ruleset import End, Service, World
from choreo_local.embedded.network.isolated.tables import Tables, table
from choreo_local.embedded.network.policy import Peer
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint
from tests.embedded.network.isolated.nftables import samples

_PODS = [
    samples.end(number, namespace, known=known, **labels)
    for number in range(4)
    for namespace in ("a", "b")
    for known in (True, False)
    for labels in ({"app": "web"}, {"app": "db"}, {})
]
_ENTRANCES = [
    Entrance("127.96.0.1", port, protocol) for port in (80, 81) for protocol in ("TCP", "UDP")
]
_ENDPOINTS = st.lists(
    st.sampled_from([Endpoint("10.64.0.16", 80), Endpoint("10.64.0.17", 81)]), max_size=2
)


def pods() -> st.SearchStrategy[list[End]]:
    """At most one on each link."""
    return st.lists(st.sampled_from(_PODS), unique_by=lambda end: end.link)


def policies() -> st.SearchStrategy[list[dict[str, Any]]]:
    numbers = range(len(samples.some_policies()))
    chosen = st.lists(st.sampled_from(numbers), unique=True).map(sorted)
    return chosen.map(lambda some: [samples.some_policies()[number] for number in some])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    services = draw(
        st.dictionaries(st.sampled_from(_ENTRANCES), st.builds(Service, _ENDPOINTS, st.booleans()))
    )
    found = samples.world(draw(pods()), draw(policies()), services)
    labels = draw(st.sampled_from([{}, {"name": "b"}]))
    return replace(found, resolver=Peer("169.254.1.1", "kube-system", {"app": "web"}, labels))


@given(st.lists(worlds(), max_size=6))
def test_what_was_before_saves_work_and_changes_nothing(history: list[World]) -> None:
    tables = Tables()
    for world in history:
        assert tables.table(world) == table(world)


def test_what_stays_is_the_same_object() -> None:
    ends = [samples.end(number, app="web") for number in range(3)]
    few, more = (
        samples.world(some, samples.some_policies(), samples.some_services())
        for some in (ends[:2], ends)
    )
    tables = Tables()
    before, after = tables.table(few), tables.table(more)
    assert before.sets["own"] != after.sets["own"]
    assert before.sets["services"] is after.sets["services"]
    chains = [name for name in before.chains if "-" in name]
    assert len(chains) > 3
    assert all(before.chains[name] is after.chains[name] for name in chains)
