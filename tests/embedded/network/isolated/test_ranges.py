from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from choreo_local.embedded.network.isolated import ranges


def first(*routed: str, start: int = 0) -> str:
    return str(next(ranges.free(start, [IPv4Network(each) for each in routed]), "none"))


def test_instances_begin_at_different_ranges() -> None:
    assert first() == "10.64.0.0/16"
    assert first(start=3) == "10.67.0.0/16"
    assert first(start=64 + 3) == "10.67.0.0/16"


@pytest.mark.parametrize(
    ("routed", "expected"),
    [
        (["192.168.1.0/24", "172.17.0.0/16"], "10.64.0.0/16"),
        (["10.64.3.0/24"], "10.65.0.0/16"),
        (["10.0.0.0/9"], "10.128.0.0/16"),
        (["10.0.0.0/8"], "172.16.0.0/16"),
        (["10.0.0.0/8", "172.16.0.0/12"], "198.18.0.0/16"),
        (["10.0.0.0/8", "172.16.0.0/12", "198.18.0.0/16"], "198.19.0.0/16"),
    ],
)
def test_what_others_have_is_left_to_them(routed: list[str], expected: str) -> None:
    assert first(*routed) == expected


def test_two_halves_of_everything_are_a_default_route() -> None:
    assert first("0.0.0.0/1", "128.0.0.0/1") == "10.64.0.0/16"


def test_there_may_be_none_left() -> None:
    private = ["10.0.0.0/8", "172.16.0.0/12", "198.18.0.0/15", "100.64.0.0/10"]
    assert first(*private) == "none"
