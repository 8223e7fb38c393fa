from __future__ import annotations

import pytest

from choreo_local.allinone import authzbench
from choreo_local.allinone.authzbench import Extent


@pytest.mark.timeout(60)
def test_every_layout_and_the_following_of_changes_are_measured() -> None:
    said: list[str] = []
    extent = Extent(bindings=50, decisions=20, rounds=2, changes=2)
    figures = authzbench.measure(extent, said.append)
    *decisions, changes = figures
    assert len(decisions) == 5
    for figure in decisions:
        assert figure.name.startswith("p99 of decisions")
        assert figure.unit == "µs"
        assert len(figure.samples) == extent.rounds
        assert min(figure.samples) > 0
    assert len(changes.samples) == extent.changes
    assert len(said) == len(figures)
