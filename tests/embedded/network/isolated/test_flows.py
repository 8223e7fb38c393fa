"""Which flows of datagrams are forgotten when endpoints go."""

from __future__ import annotations

from choreo_local.embedded.network.isolated import flows
from choreo_local.embedded.network.isolated.flows import Flow
from choreo_local.embedded.network.isolated.ruleset import Service
from choreo_local.embedded.network.serviceports import Entrance
from choreo_local.embedded.network.table import Endpoint

NAMES, WEB = Entrance("127.130.0.1", 53, "UDP"), Entrance("127.130.0.1", 80, "TCP")
ONE, TWO = Endpoint("10.70.0.1", 5353), Endpoint("10.70.0.2", 5353)
CLIENT = Endpoint("10.70.0.9", 40000)
BOTH = {NAMES: Service((ONE, TWO))}


def test_only_lost_endpoints_for_datagrams_matter() -> None:
    assert flows.has_lost(BOTH, {NAMES: Service((TWO,))})
    assert flows.has_lost(BOTH, {})
    assert not flows.has_lost(BOTH, BOTH)
    assert not flows.has_lost({}, BOTH)
    assert not flows.has_lost({WEB: Service((ONE,))}, {})


def test_flows_to_what_is_left_and_flows_of_others_stay() -> None:
    gone, kept = Flow(CLIENT, NAMES, ONE), Flow(CLIENT, NAMES, TWO)
    direct = Flow(CLIENT, Entrance(ONE.address, ONE.port, "UDP"), ONE)
    found = [gone, kept, direct]
    assert flows.stale(found, BOTH, {NAMES: Service((TWO,))}) == [gone]
    assert flows.stale(found, BOTH, {}) == [gone, kept]
    assert flows.stale(found, BOTH, BOTH) == []
