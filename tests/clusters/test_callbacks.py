"""Where a cluster reaches this machine."""

from __future__ import annotations

import pytest

from choreo_local.clusters import callbacks
from choreo_local.clusters.driver import Callback


@pytest.mark.parametrize("server", ["https://127.0.0.1:6443", "https://localhost:6443"])
def test_a_cluster_of_this_machine_comes_over_loopback(server: str) -> None:
    found = callbacks.towards(server)
    assert found.host in ("127.0.0.1", "::1")
    assert found.address == "127.0.0.1"


@pytest.mark.parametrize("told", ["localhost", "127.0.0.7"])
def test_nobody_else_hears_what_is_told_to_be_loopback(told: str) -> None:
    assert callbacks.towards("https://192.0.2.1", told=told) == Callback(told, "127.0.0.1")


def test_a_name_that_is_no_address_of_ours_is_listened_for_everywhere() -> None:
    found = callbacks.towards("https://127.0.0.1:6443", told="192.0.2.17")
    assert found == Callback("192.0.2.17", "0.0.0.0")
    assert not callbacks.is_own("192.0.2.17")
    assert not callbacks.is_own("laptop.example.com")
    assert not callbacks.is_own("")
    assert callbacks.is_own("127.0.0.1")
