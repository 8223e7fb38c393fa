"""The measurement of pods, in its smallest extent."""

from __future__ import annotations

import pytest

from choreo_local.allinone import podbench
from choreo_local.allinone.podbench import Extent


@pytest.mark.timeout(300)
def test_pods_of_every_runtime_are_measured() -> None:
    said: list[str] = []
    extent = Extent(starts=2, rollouts=1, requests=20, rounds=2, pods=2)
    measured = podbench.measure(extent, said.append)

    assert [*measured] == [*podbench.runtimes(said.append), "without us"]
    for runtime in podbench.runtimes(said.append):
        running, output, rollout, *rates, together, _, _, _, _ = measured[runtime]
        costs = measured[runtime][-4:]
        assert [len(figure.samples) for figure in (running, output)] == [extent.starts] * 2
        assert len(rollout.samples) == extent.rollouts
        assert {len(figure.samples) for figure in rates} == {extent.rounds}
        assert [figure.unit for figure in rates] in (["/s"] * 4 + ["%"] * 2, ["/s"] * 2)
        assert len(together.samples) == 1
        assert [figure.unit for figure in costs] == ["MB", "MB", "kB", "%"]
        assert min(output.samples) > 0
        assert all(min(figure.samples) > 0 for figure in (rollout, *rates))
    own, *traffic = measured["without us"]
    assert len(own.samples) == extent.starts
    assert {figure.name.partition(",")[0] for figure in traffic} == {"requests", "connections"}
