"""Which ports an instance gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping

import pytest

from choreo_local.allinone import ports
from choreo_local.errors import PreflightError, UsageError

# Kept for examples: no machine has it.
_NOWHERE = {"cluster-gateway": "192.0.2.1"}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server((ports.LOOPBACK, 0)) as holder:
        yield holder.getsockname()[1]


def free() -> int:
    """A port that was free a moment ago."""
    with socket.create_server((ports.LOOPBACK, 0)) as holder:
        number: int = holder.getsockname()[1]
    return number


def chosen(purposes: Mapping[str, int], last: Mapping[str, int]) -> dict[str, int]:
    """The numbers that are chosen."""
    sockets = ports.choose(purposes, last=last)
    try:
        return {purpose: held.getsockname()[1] for purpose, held in sockets.items()}
    finally:
        for held in sockets.values():
            held.close()


def test_agents_are_awaited_where_the_user_says() -> None:
    assert ports.agents_host({}) == "127.0.0.1"
    assert ports.agents_host({"CHOREO_CLUSTER_GATEWAY_HOST": "0.0.0.0"}) == "0.0.0.0"
    everywhere = {"CHOREO_CLUSTER_GATEWAY_HOST": "0.0.0.0"}
    assert ports.agents_url({"cluster-gateway": 8443}, everywhere) == "wss://127.0.0.1:8443/ws"
    with pytest.raises(UsageError, match="it is no IPv4 address"):
        ports.agents_host({"CHOREO_CLUSTER_GATEWAY_HOST": "here"})
    with pytest.raises(PreflightError, match="no address of this machine"):
        ports.check_agents(ports.choose({"cluster-gateway": 0}, last={}, hosts=_NOWHERE))


def test_the_usual_port_is_taken_where_it_is_free() -> None:
    usual = free()
    assert chosen({"api": usual}, {}) == {"api": usual}


def test_the_port_of_last_time_goes_first() -> None:
    usual, last = free(), free()
    assert chosen({"api": usual}, {"api": last}) == {"api": last}


def test_a_taken_port_is_replaced_by_a_free_one(taken: int) -> None:
    found = chosen({"api": taken, "kube": taken}, {"api": taken})
    assert taken not in found.values()
    assert len(set(found.values())) == 2


def test_a_held_port_cannot_be_taken_by_another() -> None:
    held = ports.bind(0)
    assert held is not None
    number = held.getsockname()[1]
    with held:
        assert ports.bind(number) is None
    again = ports.bind(number)
    assert again is not None
    again.close()


def test_only_this_machine_can_connect() -> None:
    held = ports.bind(0)
    assert held is not None
    with held:
        assert held.getsockname()[0] == "127.0.0.1"
