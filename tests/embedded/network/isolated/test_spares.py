"""What is made ahead, and addresses that are given out."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv4Network
from itertools import count

import pytest

from choreo_local.embedded.network.isolated import spares
from choreo_local.embedded.network.isolated.addresspool import AddressPool
from choreo_local.embedded.network.isolated.spares import Spares
from choreo_local.errors import ServiceUnavailableError
from tests.embedded.network.livenetwork import until


def test_an_address_rests_before_it_is_given_again() -> None:
    pool = AddressPool(IPv4Network("10.0.0.0/27"))
    first = pool.take()
    assert first == IPv4Address("10.0.0.16")
    pool.release(first)
    assert pool.take() == IPv4Address("10.0.0.17")
    assert pool.take("10.0.0.16") == first
    assert pool.take("10.0.0.16") != first
    assert pool.take("192.0.2.1") in IPv4Network("10.0.0.0/27")


def test_addresses_come_to_an_end() -> None:
    pool = AddressPool(IPv4Network("10.0.0.0/27"))
    given = {pool.take() for _ in range(15)}
    assert len(given) == 15
    with pytest.raises(ServiceUnavailableError, match=r"all of 10\.0\.0\.0/27 are used"):
        pool.take()
    pool.release(next(iter(given)))
    assert pool.take() in given


async def test_the_stock_is_filled_when_somebody_has_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spares, "_REST_SECONDS", 0.0)
    monkeypatch.setattr(spares, "_RETRY_SECONDS", 0.0)
    numbers = count()

    async def make() -> int:
        number = next(numbers)
        if number == 1:
            raise OSError("no room")
        return number

    stock = Spares(make)
    filling = asyncio.create_task(stock.run())
    try:
        assert stock.take() is None

        async def is_full() -> bool:
            return len(stock._stock) == 2

        await until(is_full)
        assert stock.take_that(lambda each: each == 1) is None
        assert stock.take_that(lambda each: each == 2) == 2
        assert stock.take() == 0
        await until(is_full)
        assert len(stock.drain()) == 2
        assert stock.drain() == []
    finally:
        filling.cancel()
