"""Which cluster is meant, over several starts."""

from __future__ import annotations

from choreo_local.clusters.target import NOWHERE, Target


def test_what_is_not_said_is_as_it_was() -> None:
    last = Target(kubeconfig="/k", context="dev", reachable_at="10.0.0.1")
    assert NOWHERE.filled(last) == last
    assert Target(reachable_at="10.0.0.2").filled(last) == Target(
        kubeconfig="/k", context="dev", reachable_at="10.0.0.2"
    )
    assert last.filled(NOWHERE) == last
