"""Which part of the loopback network an instance gets for its Services."""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import IPv4Network

import pytest

from choreo_local.allinone import addresses
from choreo_local.errors import PreflightError

ALL = [f"127.{octet}.0.0/16" for octet in range(128, 192)]


@pytest.fixture
def network() -> IPv4Network:
    """A range that nobody has at the moment."""
    return addresses.choose_range("tests", taken=())


def test_a_range_lies_on_loopback_and_away_from_pods(network: IPv4Network) -> None:
    assert str(network) in ALL


def test_known_ranges_are_not_chosen(network: IPv4Network) -> None:
    assert addresses.choose_range("tests", taken=[str(network)]) != network


def test_a_range_that_runs_elsewhere_is_not_chosen(network: IPv4Network) -> None:
    with addresses.hold(network):
        assert addresses.choose_range("tests", taken=()) != network


def test_a_range_is_held_by_one_instance_only(network: IPv4Network) -> None:
    with addresses.hold(network), pytest.raises(PreflightError, match="another instance") as failed:
        addresses.hold(network)
    assert "CHOREO_HOME" in failed.value.remedy
    addresses.hold(network).close()


def test_when_all_are_taken_it_is_said_what_to_do() -> None:
    with pytest.raises(PreflightError, match="all are taken") as failed:
        addresses.choose_range("tests", taken=ALL)
    assert "choreo down --purge" in failed.value.remedy


def test_instances_start_looking_at_different_places() -> None:
    with ExitStack() as held:
        found = set()
        for number in range(8):
            network = addresses.choose_range(f"instance-{number}", taken=())
            held.enter_context(addresses.hold(network))
            found.add(network)
        assert len(found) == 8
