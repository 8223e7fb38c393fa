"""The measurements of the kube API, run small."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.allinone import benchclient, kubebench
from choreo_local.allinone.figures import Figure
from choreo_local.errors import PreflightError

_SMALL = kubebench.Extent(rounds=1, writes=32, events=2, listed=40, objects=40)


def names(figures: list[Figure]) -> list[str]:
    return [figure.name for figure in figures]


def test_every_figure_of_the_embedded_server_is_measured() -> None:
    measured = kubebench.measure(kubebench.systems(None, None), _SMALL, lambda _: None)

    assert names(measured["embedded"]) == [
        "start",
        "creates",
        "updates",
        "applies",
        "processor time of creates",
        "processor time of updates",
        "processor time of applies",
        "list of 40",
        "write → last of 1 watchers",
        "write → last of 20 watchers",
        "write → last of 200 watchers",
        "memory at 40 objects",
    ]


def test_a_folder_without_the_binaries_is_refused(tmp_path: Path) -> None:
    systems = kubebench.systems(tmp_path, None)[1:]

    with pytest.raises(PreflightError, match="has no etcd and no kube-apiserver"):
        kubebench.measure(systems, _SMALL, lambda _: None)


def test_a_kubeconfig_that_names_no_cluster_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("current-context: x\ncontexts: []\n", encoding="utf-8")

    with pytest.raises(PreflightError, match="cannot use the kubeconfig"):
        benchclient.read_kubeconfig(config)


def test_an_answer_in_chunks_is_put_together() -> None:
    answer = b"HTTP/1.1 200 OK\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"

    assert benchclient.body_of(answer) == b"abc0123456789"


def test_a_ratio_says_how_many_times_better_a_figure_is() -> None:
    slow, fast = Figure("a", "", [10.0]), Figure("a", "", [5.0])
    few = Figure("b", "", [100.0], more_is_better=True)
    many = Figure("b", "", [300.0], more_is_better=True)

    assert fast.times_better_than(slow) == 2
    assert many.times_better_than(few) == 3
