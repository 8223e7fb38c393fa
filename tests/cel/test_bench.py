from __future__ import annotations

from choreo_local.cel import bench


def test_each_figure_has_its_samples_in_order_of_magnitude() -> None:
    figures = bench.run()

    assert [figure.name for figure in figures] == [
        "compile a typical expression",
        "metadata.name",
        "filter and map 2,000",
    ]
    for figure in figures:
        assert 0 < min(figure.samples) <= figure.median <= figure.p99 == max(figure.samples)


def test_the_other_implementation_is_measured_with_the_same_expressions() -> None:
    theirs = [figure.name for figure in bench.run_theirs()]

    assert theirs in ([], [f"{figure.name}, cel-expr-python" for figure in bench.run()])
