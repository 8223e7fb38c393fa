from __future__ import annotations

from dataclasses import replace

import pytest

from choreo_local.apiclient.types import Capability, PlaneState
from tui import platformpage, tables
from tui.demo import STATUS
from tui.text import line_width

FULL = replace(
    STATUS,
    version="0.1.0",
    pid=123,
    reason="No container engine answers.",
    capabilities=(
        Capability("gateway", available=True, reason="Envoy"),
        Capability("network-policy", available=False, reason="pods are plain processes"),
    ),
    planes=(
        PlaneState("control", "openchoreo-control-plane", connected=True),
        PlaneState("workflow", connected=True, message="no workflow engine in this version"),
        PlaneState("data", connected=False, message="no heartbeat"),
    ),
    urls={"api": "http://127.0.0.1:8080"},
)


def words(columns: int = 120) -> list[str]:
    text = tables.plain(platformpage.platform(FULL, columns))
    return [" ".join(line.split()) for line in text.split("\n")]


def test_nothing_is_pretended() -> None:
    lines = words()
    assert "network-policy ✗ no pods are plain processes" in lines
    assert "● workflow connected no workflow engine in this version" in lines
    assert "✖ data gone no heartbeat" in lines


def test_instance_driver_addresses_and_memory_are_told() -> None:
    lines = words()
    assert lines[0] == "default ready · choreo 0.1.0 · pid 123"
    assert lines[1] == "embedded No container engine answers."
    assert "api http://127.0.0.1:8080" in lines
    assert "total 214 MB" in lines


@pytest.mark.parametrize("columns", [40, 80])
def test_nothing_is_wider_than_the_page(columns: int) -> None:
    lines = platformpage.platform(FULL, columns)
    assert max(line_width(spans) for spans in lines) <= columns
