"""Loopback addresses for pods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address, IPv4Network

import pytest

from choreo_local import clock
from choreo_local.embedded.kubelet.addresses import AddressPool
from choreo_local.errors import PreflightError, ServiceUnavailableError


@pytest.fixture
def pool() -> Iterator[AddressPool]:
    found = AddressPool(clock.new_uid())
    found.claim()
    yield found
    found.close()


def test_addresses_are_different_and_of_the_range(pool: AddressPool) -> None:
    assert pool.network is not None
    taken = [pool.take() for _ in range(300)]
    assert len(set(taken)) == 300
    assert all(IPv4Address(each) in pool.network for each in taken)


def test_an_address_rests_before_it_is_given_again(pool: AddressPool) -> None:
    first = pool.take()
    pool.release(first)
    assert pool.take() != first


def test_a_pod_may_have_its_old_address_again(pool: AddressPool) -> None:
    address = pool.take()
    pool.release(address)
    assert pool.take(address) == address
    assert pool.take(address) != address
    assert pool.take("10.0.0.1") != "10.0.0.1"


def test_a_range_ends() -> None:
    with closing(AddressPool("small", network=IPv4Network("127.99.7.0/27"))) as pool:
        pool.claim()
        for _ in range(15):
            pool.take()
        with pytest.raises(ServiceUnavailableError, match=r"127\.99\.7\.0/27"):
            pool.take()


def test_two_instances_never_share_a_range() -> None:
    with closing(AddressPool("same name")) as one, closing(AddressPool("same name")) as two:
        assert one.claim() != two.claim()


def test_an_instance_gets_the_same_range_at_its_next_start() -> None:
    name = clock.new_uid()
    with closing(AddressPool(name)) as pool:
        first = pool.claim()
    with closing(AddressPool(name)) as pool:
        assert pool.claim() == first


def test_a_configured_range_that_is_taken_is_an_error() -> None:
    network = IPv4Network("127.98.0.0/16")
    with (
        closing(AddressPool("a", network=network)) as one,
        closing(AddressPool("b", network=network)) as two,
    ):
        one.claim()
        with pytest.raises(PreflightError, match=r"127\.98\.0\.0/16"):
            two.claim()
