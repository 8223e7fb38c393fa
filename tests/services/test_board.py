"""The board: from objects to rows."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.apiclient.types import Cell, Problem, Promotable, Row
from choreo_local.services import board, pods
from choreo_local.services.board import RowInputs, Stage
from tests.builders import component, obj
from tests.services.objects import STAGES, binding, crash, pod, release, rendered

_ENVIRONMENTS = ["development", "staging", "production"]


def _row(*stages: dict[str, Any], releases: list[dict[str, Any]] | None = None, **more: Any) -> Row:
    inputs = RowInputs(
        component=more.get("component") or component(),
        pipeline=more.get("pipeline", STAGES),
        releases=releases or [release("greeter-5766474747")],
        stages={stage["spec"]["environment"]: Stage(stage) for stage in stages},
    )
    return board.row(inputs, _ENVIRONMENTS)


def _cell(stage: Stage) -> Cell:
    return board.cell("greeter", "development", {"development": stage})


def test_a_ready_component_shows_release_pods_and_url() -> None:
    url = {"scheme": "http", "host": "dev.localhost", "port": 19080, "path": "/greeter-http"}
    endpoints = [{"name": "http", "type": "HTTP", "externalURLs": {"http": url}}]
    found = _cell(Stage(binding(status={"endpoints": endpoints}), rendered(ready=2, want=2)))
    assert found == Cell(
        environment="development",
        state="ready",
        release="greeter-5766474747",
        short_release="57664",
        since="2026-01-01T10:05:00Z",
        ready=2,
        desired=2,
        reason="Ready",
        message="ReleaseBinding is ready",
        url="http://dev.localhost:19080/greeter-http",
        binding="greeter-development",
    )


def test_a_component_that_was_never_deployed_has_empty_cells() -> None:
    assert [cell.state for cell in _row().cells] == ["empty", "empty", "empty"]


def test_an_undeployed_component_has_no_url() -> None:
    found = _cell(Stage(binding(state="Undeploy", ready="False"), rendered()))
    assert (found.state, found.url, found.desired) == ("undeployed", "", 0)


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        ("ResourcesProgressing", "progressing"),
        ("ConnectionsPending", "progressing"),
        ("ResourcesDegraded", "failed"),
        ("RenderingFailed", "failed"),
        ("ComponentReleaseNotFound", "failed"),
        ("ResourceApplyFailed", "failed"),
    ],
)
def test_what_passes_by_itself_progresses_and_the_rest_has_failed(reason: str, state: str) -> None:
    found = _cell(Stage(binding(ready="False", reason=reason, message="words")))
    assert (found.state, found.reason, found.message) == (state, reason, "words")


def test_a_crashing_pod_is_the_reason_and_a_failure() -> None:
    progressing = binding(ready="False", reason="ResourcesProgressing", message="is progressing")
    found = _cell(Stage(progressing, rendered(ready=0), pods.trouble(pod(container=crash()))))
    assert (found.state, found.reason) == ("failed", "CrashLoopBackOff")
    assert found.message == "CrashLoopBackOff: exit 1"
    assert (found.ready, found.desired) == (0, 1)


def test_pods_are_not_blamed_for_what_happens_before_them() -> None:
    unrendered = binding(ready="False", reason="RenderingFailed", message="no such parameter")
    found = _cell(Stage(unrendered, rendered(), pods.trouble(pod(container=crash()))))
    assert found.message == "no such parameter"


def test_an_awaited_connection_is_named() -> None:
    pending = [{"component": "api", "endpoint": "http", "reason": "component is undeployed"}]
    waiting = binding(
        ready="False",
        reason="ConnectionsPending",
        message="1 connections pending, 0 resolved",
        status={"pendingConnections": pending},
    )
    assert _cell(Stage(waiting)).message == "Waits for api/http: component is undeployed"


def test_a_condition_of_an_older_generation_does_not_count() -> None:
    changed = binding(generation=2)
    found = _cell(Stage(changed))
    assert (found.state, found.message) == ("progressing", "Waits for the controller")


def test_a_release_waits_for_promotion_where_the_next_environment_has_another() -> None:
    found = _row(binding("development", "greeter-2"), binding("staging", "greeter-1"))
    assert found.promotable == (
        Promotable("development", "staging", "greeter-2"),
        Promotable("staging", "production", "greeter-1"),
    )


def test_promoting_what_is_not_ready_is_not_advised() -> None:
    failing = binding(ready="False", reason="RenderingFailed", message="no such parameter")
    (found,) = _row(failing).promotable
    assert found.reason == "development is not ready: no such parameter"


def test_nothing_is_promoted_from_where_nothing_runs() -> None:
    assert _row(binding(state="Undeploy")).promotable == ()


def test_behind_counts_releases_that_the_last_environment_lacks() -> None:
    cut = [release(f"greeter-{number}", minute=number) for number in range(1, 5)]
    stages = binding("development", "greeter-4"), binding("production", "greeter-2")
    assert _row(*stages, releases=cut).behind == 2
    assert _row(stages[0], releases=cut).behind == 4
    assert _row(binding("production", "greeter-4"), releases=cut).behind == 0


def test_releases_of_one_second_are_told_apart_by_the_revision() -> None:
    cut = [release(name) for name in ("greeter-b", "greeter-a")]
    cut[0]["metadata"]["resourceVersion"], cut[1]["metadata"]["resourceVersion"] = "9", "10"
    assert _row(releases=cut).latest_release == "greeter-a"


def test_an_old_release_that_is_the_latest_again_is_one_step_ahead() -> None:
    cut = [release(f"greeter-{number}", minute=number) for number in range(1, 5)]
    current = component()
    current["status"] = {"latestRelease": {"name": "greeter-1"}}
    found = _row(binding("production", "greeter-4"), releases=cut, component=current)
    assert (found.latest_release, found.behind) == ("greeter-1", 1)


def test_the_problem_of_a_component_is_told() -> None:
    broken = component()
    broken["status"] = {
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "WorkloadNotFound", "message": "none"}
        ]
    }
    assert _row(component=broken).problem == Problem("WorkloadNotFound", "none")


def test_a_project_without_a_pipeline_still_has_its_row() -> None:
    found = _row(binding(), pipeline=None)
    assert (found.behind, found.promotable) == (0, ())
    assert found.cells[0].state == "ready"


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("greeter-5766474747", "57664"),
        ("greeter-20261121-1", "20261121-1"),
        ("greeter-v2", "v2"),
        ("other", "other"),
        ("", ""),
    ],
)
def test_releases_are_shortened(name: str, short: str) -> None:
    assert board.short_release("greeter", name) == short


def test_columns_carry_names_and_production() -> None:
    production = obj("Environment", "production", {"isProduction": True})
    production["metadata"]["annotations"] = {"openchoreo.dev/display-name": "Live"}
    found = board.columns(["development", "production"], {"production": production})
    assert [(c.name, c.display_name, c.is_production) for c in found] == [
        ("development", "development", False),
        ("production", "Live", True),
    ]
