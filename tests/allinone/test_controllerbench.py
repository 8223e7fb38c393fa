"""The measurement of the controllers finds what it counts, on a small platform."""

from __future__ import annotations

import pytest

from choreo_local.allinone import controllerbench


@pytest.mark.timeout(120)
def test_a_small_platform_is_measured() -> None:
    said: list[str] = []
    extent = controllerbench.Extent(sizes=(2,), changes=2)
    figures = {figure.name: figure for figure in controllerbench.measure(extent, said.append)[2]}
    assert said[0] == "2 components: applied at once"
    assert figures["writes when nothing changes"].samples == [0]
    assert figures["writes a component"].median > 10
    assert len(figures["one more applied → on the data plane"].samples) == 2
    assert all(
        figure.samples[0] > 0
        for name, figure in figures.items()
        if "CPU of c" not in name
        if "writes when" not in name
    )
