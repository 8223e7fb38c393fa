"""The measurement of the tunnel, in its smallest extent."""

from __future__ import annotations

import pytest

from choreo_local.allinone import tunnelbench
from choreo_local.allinone.tunnelbench import Extent


@pytest.mark.timeout(120)
def test_both_ways_to_a_cluster_are_measured() -> None:
    said: list[str] = []
    figures = tunnelbench.measure(Extent(requests=5, rounds=2, kilobytes=50), said.append)

    assert [figure.name.rpartition(", ")[2] for figure in figures] == ["direct"] * 3 + [
        "tunnel"
    ] * 3
    assert [len(figure.samples) for figure in figures] == [5, 2, 2] * 2
    assert all(min(figure.samples) > 0 for figure in figures)
    assert said[-1] == "requests, tunnel"
