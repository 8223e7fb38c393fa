"""Which environment follows which."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from choreo_local.services import pipelines
from tests.services.objects import STAGES, pipeline


def test_environments_come_in_the_order_of_promotion() -> None:
    shuffled = pipeline(("staging", "production"), ("development", "staging"))
    assert pipelines.order([shuffled]) == ["development", "staging", "production"]


def test_an_environment_waits_for_all_that_lead_to_it() -> None:
    diamond = pipeline(("dev", "qa"), ("dev", "prod"), ("qa", "load"), ("load", "prod"))
    assert pipelines.order([diamond]) == ["dev", "qa", "load", "prod"]


def test_pipelines_share_their_environments() -> None:
    short = pipeline(("development", "production"), name="short")
    assert pipelines.order([STAGES, short]) == ["development", "staging", "production"]


def test_environments_outside_of_all_pipelines_come_last() -> None:
    found = pipelines.order([STAGES], also=["sandbox", "staging", "area"])
    assert found == ["development", "staging", "production", "area", "sandbox"]


def test_root_and_end_are_found() -> None:
    assert pipelines.root(STAGES) == "development"
    assert pipelines.last(STAGES) == "production"
    assert pipelines.root(pipeline(("a", "b"), ("b", "a"))) is None


def test_sources_of_a_target_are_named() -> None:
    two = pipeline(("dev", "prod"), ("hotfix", "prod"))
    assert pipelines.sources(two, "prod") == ["dev", "hotfix"]
    assert pipelines.sources(two, "dev") == []


_NAMES = st.sampled_from("abcdef")


@given(st.lists(st.tuples(_NAMES, _NAMES), max_size=12))
def test_every_environment_comes_once_even_in_rings(paths: list[tuple[str, str]]) -> None:
    found = pipelines.order([pipeline(*paths)])
    assert sorted(found) == sorted({name for path in paths for name in path})
