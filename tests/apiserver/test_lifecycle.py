"""A component walks from environment to environment, over HTTP, with all control loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from choreo_local.api import registry
from choreo_local.apiclient.types import Board, BoardReplaced, Cell, Row, RowsChanged
from choreo_local.errors import ConflictError, InvalidError, NotFoundError, RefusedError
from tests.apiserver.harness import Api, serve
from tests.services import harness
from tests.services.harness import CRASHING_IMAGE, LAST_WORDS, Platform
from tests.services.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

_NAMESPACE = "/api/v1/namespaces/default"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[Platform]:
    async with harness.platform() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(platform: Platform) -> AsyncIterator[Api]:
    async with serve(platform) as found:
        yield found


async def _deploy(platform: Platform, api: Api, name: str, **container: Any) -> str:
    """Apply a component like the greeter; the release that became ready in development."""
    for manifest in harness.demo("greeter"):
        manifest["metadata"] = {"name": name, "namespace": "default"}
        if manifest["kind"] == "Workload":
            manifest["spec"]["owner"]["componentName"] = name
            manifest["spec"]["container"] |= container
        await platform.apply(manifest)
    return (await _ready(api, name, "development")).release


async def _change(platform: Platform, api: Api, name: str, greeting: str) -> str:
    """Change the Workload; the new release, once it is ready in development."""
    before = (await _cell(api, name, "development")).release
    for manifest in harness.demo("greeter"):
        if manifest["kind"] == "Workload":
            manifest["metadata"] = {"name": name, "namespace": "default"}
            manifest["spec"]["owner"]["componentName"] = name
            manifest["spec"]["container"]["env"] = [{"key": "GREETING", "value": greeting}]
            await platform.apply(manifest)

    def is_new(cell: Cell) -> bool:
        return cell.state == "ready" and cell.release != before

    return (await until(lambda: _cell(api, name, "development"), is_new)).release


async def _cell(api: Api, name: str, environment: str) -> Cell:
    row = _row(await api.client.board("default"), name)
    cells = row.cells if row else ()
    return next((cell for cell in cells if cell.environment == environment), Cell(environment))


async def _ready(api: Api, name: str, environment: str) -> Cell:
    return await until(lambda: _cell(api, name, environment), lambda cell: cell.state == "ready")


def _row(board: Board, name: str) -> Row | None:
    return next((row for row in board.rows if row.component == name), None)


async def _promote(api: Api, name: str, environment: str) -> str:
    plan = await api.client.promotion_plan("default", name, to=environment)
    await api.client.promote(
        "default", name, to=environment, release=plan.release, expect_current=plan.current
    )
    await until(
        lambda: _cell(api, name, environment),
        lambda cell: cell.state == "ready" and cell.release == plan.release,
    )
    return plan.release


async def test_the_board_shows_every_environment(platform: Platform, api: Api) -> None:
    release = await _deploy(platform, api, "shown")
    board = await api.client.board("default", project="default")
    assert [column.name for column in board.environments] == [
        "development",
        "staging",
        "production",
    ]
    assert [column.is_production for column in board.environments] == [False, False, True]
    row = _row(board, "shown")
    assert row is not None
    assert (row.latest_release, row.behind, row.auto_deploy) == (release, 1, True)
    assert [cell.state for cell in row.cells] == ["ready", "empty", "empty"]
    assert (row.cells[0].ready, row.cells[0].desired) == (1, 1)
    assert row.cells[0].url == (
        "http://development-default.openchoreoapis.localhost:19080/shown-http"
    )
    assert row.promotable[0].release == release
    assert (await api.client.board("default", project="other")).rows == ()


async def test_a_plan_shows_what_will_be_written(platform: Platform, api: Api) -> None:
    release = await _deploy(platform, api, "planned")
    plan = await api.client.promotion_plan("default", "planned", to="staging")
    assert (plan.source, plan.target, plan.release) == ("development", "staging", release)
    assert (plan.current, plan.up_to_date, plan.unrendered, plan.warnings) == (None, False, "", ())
    assert {change.kind for change in plan.changes} >= {"Deployment", "Service", "HTTPRoute"}
    assert {change.change for change in plan.changes} == {"added"}
    await _promote(api, "planned", "staging")
    written = await platform.client.get(registry.RENDERED_RELEASE, "planned-staging", "default")
    ids = [entry["id"] for entry in written["spec"]["resources"]]
    assert [change.id for change in plan.changes] == ids
    again = await api.client.promotion_plan("default", "planned", to="staging")
    assert (again.up_to_date, again.changes) == (True, ())
    assert again.summary == "0 added, 0 changed, 0 removed"


async def test_a_change_is_planned_as_a_difference(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "differing")
    await _promote(api, "differing", "staging")
    await _change(platform, api, "differing", "Servus")
    plan = await api.client.promotion_plan("default", "differing", to="staging")
    texts = "\n".join(change.diff for change in plan.changes)
    assert "-  GREETING: Hello" in texts
    assert "+  GREETING: Servus" in texts
    assert (await api.client.board("default")) is not None
    row = _row(await api.client.board("default"), "differing")
    assert row is not None
    assert row.behind == 2


async def test_production_asks_for_confirmation(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "careful")
    await _promote(api, "careful", "staging")
    plan = await api.client.promotion_plan("default", "careful", to="production")
    assert (plan.is_production, plan.needs_confirmation) == (True, "production")


async def test_a_promotion_that_was_planned_on_something_else_is_refused(
    platform: Platform, api: Api
) -> None:
    release = await _deploy(platform, api, "raced")
    with pytest.raises(ConflictError, match="staging has no release by now, not other") as caught:
        await api.client.promote(
            "default", "raced", to="staging", release=release, expect_current="other"
        )
    assert caught.value.remedy == "Look at the plan again"
    await _promote(api, "raced", "staging")
    with pytest.raises(ConflictError):
        await api.client.promote(
            "default", "raced", to="staging", release=release, expect_current=None
        )


async def test_only_the_ways_of_the_pipeline_are_legal(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "stuck")
    with pytest.raises(InvalidError) as caught:
        await api.client.promotion_plan("default", "stuck", to="development")
    assert "development → staging, staging → production" in caught.value.message
    assert caught.value.causes[0].field == "to"
    with pytest.raises(InvalidError) as caught:
        await api.client.promotion_plan("default", "stuck", to="production", source="development")
    assert caught.value.causes[0].field == "from"
    with pytest.raises(InvalidError, match="nothing is deployed in staging"):
        await api.client.promotion_plan("default", "stuck", to="production")
    with pytest.raises(NotFoundError, match='release "ghost"'):
        await api.client.promotion_plan("default", "stuck", to="staging", release="ghost")
    with pytest.raises(NotFoundError, match='component "ghost" not found'):
        await api.client.promotion_plan("default", "ghost", to="staging")


async def test_rolling_back_twice_goes_back_two_releases(platform: Platform, api: Api) -> None:
    first = await _deploy(platform, api, "returning")
    await _promote(api, "returning", "staging")
    second = await _change(platform, api, "returning", "Servus")
    await _promote(api, "returning", "staging")
    third = await _change(platform, api, "returning", "Moin")
    await _promote(api, "returning", "staging")
    for release, before in ((third, second), (second, first)):
        plan = await api.client.rollback_plan("default", "returning", environment="staging")
        assert (plan.current, plan.release, plan.warnings) == (release, before, ())
        assert plan.changes
        binding = await api.client.rollback(
            "default",
            "returning",
            environment="staging",
            release=plan.release,
            expect_current=plan.current,
        )
        assert binding["spec"]["releaseName"] == before
    with pytest.raises(RefusedError, match="it has had no other release"):
        await api.client.rollback_plan("default", "returning", environment="staging")


async def test_a_roll_back_that_auto_deploy_would_undo_is_refused(
    platform: Platform, api: Api
) -> None:
    await _deploy(platform, api, "automatic")
    with pytest.raises(RefusedError, match="autoDeploy") as caught:
        await api.client.rollback_plan("default", "automatic", environment="development")
    assert "spec.autoDeploy" in caught.value.remedy
    with pytest.raises(NotFoundError, match="not deployed in production"):
        await api.client.rollback_plan("default", "automatic", environment="production")


async def test_what_is_undeployed_comes_back_by_promotion(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "paused")
    await _promote(api, "paused", "staging")
    await api.client.undeploy("default", "paused", environment="staging")
    await until(lambda: _cell(api, "paused", "staging"), lambda cell: cell.state == "undeployed")
    with pytest.raises(NotFoundError, match="not deployed in staging"):
        await api.client.urls("default", "paused", environment="staging")
    plan = await api.client.promotion_plan("default", "paused", to="staging")
    assert plan.up_to_date is False
    assert plan.warnings == ("staging is undeployed; this deploys it again",)
    await _promote(api, "paused", "staging")


async def test_what_cannot_be_rendered_is_said_in_the_plan(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "broken")
    await _promote(api, "broken", "staging")
    overrides = {"container": {"env": [{"key": "A", "valueFrom": {"secretKeyRef": _ABSENT}}]}}
    await platform.client.patch(
        registry.RELEASE_BINDING,
        "broken-staging",
        {"spec": {"workloadOverrides": overrides}},
        "default",
    )
    plan = await api.client.promotion_plan("default", "broken", to="staging")
    assert plan.changes == ()
    assert 'SecretReference "absent"' in plan.unrendered


_ABSENT = {"name": "absent", "key": "a"}


async def test_urls_come_with_their_visibility(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "linked")
    found = await api.client.urls("default", "linked", environment="development")
    assert found[0].url == "http://development-default.openchoreoapis.localhost:19080/linked-http"
    assert [url.visibility for url in found] == ["external", "project"]
    with pytest.raises(NotFoundError, match='no endpoint "grpc"') as caught:
        await api.client.urls("default", "linked", environment="development", endpoint="grpc")
    assert caught.value.remedy == "It has: http"


async def test_a_crash_is_explained_by_its_last_words(platform: Platform, api: Api) -> None:
    for manifest in harness.demo("greeter"):
        manifest["metadata"] = {"name": "crashing", "namespace": "default"}
        if manifest["kind"] == "Workload":
            manifest["spec"]["owner"]["componentName"] = "crashing"
            manifest["spec"]["container"]["image"] = CRASHING_IMAGE
        await platform.apply(manifest)
    cell = await until(
        lambda: _cell(api, "crashing", "development"),
        lambda cell: cell.state == "failed" and LAST_WORDS in cell.message,
    )
    assert cell.reason == "CrashLoopBackOff"
    assert cell.message == f'CrashLoopBackOff: exit 1, "{LAST_WORDS}"'
    diagnosis = await api.client.why("default", "crashing", environment="development")
    assert diagnosis.ready is False
    assert diagnosis.summary == cell.message
    assert [step.object.split("/")[0] for step in diagnosis.steps[:4]] == [
        "Component",
        "ReleaseBinding",
        "RenderedRelease",
        "Deployment",
    ]
    assert diagnosis.steps[-1].message == LAST_WORDS
    assert "choreo logs crashing --env development --previous" in diagnosis.fix
    row = _row(await api.client.board("default"), "crashing")
    assert row is not None
    assert row.promotable[0].reason.startswith("development is not ready: CrashLoopBackOff")


async def test_a_ready_component_needs_nothing(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "healthy")
    found = await api.client.why("default", "healthy", environment="development")
    assert (found.ready, found.summary) == (
        True,
        "healthy is ready in development, 1 of 1 pods ready",
    )
    found = await api.client.why("default", "healthy", environment="production")
    assert (found.ready, found.summary) == (False, "healthy is not deployed in production")
    assert found.fix == "Bring it there: choreo promote healthy --to production"


async def test_details_hold_everything_of_one_cell(platform: Platform, api: Api) -> None:
    release = await _deploy(platform, api, "detailed")
    found = await api.client.details("default", "detailed", environment="development")
    assert found.component["metadata"]["name"] == "detailed"
    assert found.binding is not None
    assert found.binding["spec"]["releaseName"] == release
    assert "Ready" in [condition["type"] for condition in found.conditions]
    assert [pod.ready for pod in found.pods] == ["1/1"]
    assert [line.name for line in found.releases] == [release]
    assert "Started" in [event.reason for event in found.events]


async def test_logs_end_with_what_there_is(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "talking")
    lines = [
        line async for line in api.client.logs("default", "talking", environment="development")
    ]
    assert [line.line for line in lines] == ["containers are simulated: nothing runs"]
    assert lines[0].container == "main"
    with pytest.raises(NotFoundError, match="not deployed in production") as caught:
        async for _ in api.client.logs("default", "talking", environment="production"):
            pass
    assert "choreo promote talking --to production" in caught.value.remedy


async def test_followed_logs_go_on_with_the_next_pod(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "followed")
    pods: list[str] = []

    async def follow() -> None:
        stream = api.client.logs("default", "followed", environment="development", follow=True)
        async for line in stream:
            if line.pod not in pods:
                pods.append(line.pod)
            if len(pods) == 2:
                return

    following = asyncio.create_task(follow())
    await until(lambda: _value(pods), lambda found: len(found) == 1)
    await _change(platform, api, "followed", "Servus")
    await asyncio.wait_for(following, 10)


async def _value(found: list[str]) -> list[str]:
    return found


async def test_nobody_follows_a_log_for_a_caller_who_left(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "left")
    stream = api.client.logs("default", "left", environment="development", follow=True)
    await anext(stream)
    assert _followers()
    await stream.aclose()  # type: ignore[attr-defined] # an async generator, which has it

    async def count() -> list[str]:
        return _followers()

    await until(count, lambda found: not found)


def _followers() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("logs/")]


async def test_a_watched_board_tells_only_what_changed(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "watched")
    events = api.client.watch_board("default", project="default")
    first = await anext(events)
    assert isinstance(first, BoardReplaced)
    assert _row(first.board, "watched") is not None
    await api.client.promote(
        "default",
        "watched",
        to="staging",
        release=first.board.rows[-1].cells[0].release
        if first.board.rows[-1].component == "watched"
        else (await _cell(api, "watched", "development")).release,
        expect_current=None,
    )
    row = await asyncio.wait_for(_until_ready(events, "watched", "staging"), 10)
    assert [cell.state for cell in row.cells] == ["ready", "ready", "empty"]
    await api.client.delete(registry.COMPONENT, "watched", "default")
    async with asyncio.timeout(10):
        async for event in events:
            if isinstance(event, RowsChanged) and "watched" in event.removed:
                break
    await events.aclose()  # type: ignore[attr-defined] # an async generator, which has it


async def _until_ready(events: AsyncIterator[Any], name: str, environment: str) -> Row:
    async for event in events:
        for row in event.rows if isinstance(event, RowsChanged) else ():
            assert isinstance(row, Row)
            states = {cell.environment: cell.state for cell in row.cells}
            if row.component == name and states[environment] == "ready":
                return row
    raise AssertionError("the watch ended")


async def test_a_new_environment_is_a_new_column(platform: Platform, api: Api) -> None:
    events = api.client.watch_board("default")
    await anext(events)
    await platform.apply(
        {
            "apiVersion": "openchoreo.dev/v1alpha1",
            "kind": "DeploymentPipeline",
            "metadata": {"name": "longer", "namespace": "default"},
            "spec": {
                "promotionPaths": [
                    {
                        "sourceEnvironmentRef": {"name": "production"},
                        "targetEnvironmentRefs": [{"name": "archive"}],
                    }
                ]
            },
        },
        {
            "apiVersion": "openchoreo.dev/v1alpha1",
            "kind": "Project",
            "metadata": {"name": "longer", "namespace": "default"},
            "spec": {
                "deploymentPipelineRef": {"name": "longer"},
                "type": {"kind": "ClusterProjectType", "name": "default"},
            },
        },
    )
    async with asyncio.timeout(10):
        async for event in events:
            if isinstance(event, BoardReplaced):
                names = [column.name for column in event.board.environments]
                assert names == ["development", "staging", "production", "archive"]
                break
    await events.aclose()  # type: ignore[attr-defined] # an async generator, which has it


async def test_the_tree_holds_objects_and_their_pods(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "rooted")
    path = f"{_NAMESPACE}/releasebindings/rooted-development/k8sresources"
    (release,) = (await api.must("GET", f"{path}/tree"))["renderedReleases"]
    assert (release["name"], release["targetPlane"]) == ("rooted-development", "dataplane")
    nodes = {node["kind"]: node for node in release["nodes"]}
    assert nodes["Pod"]["parentRefs"][0]["kind"] == "Deployment"
    assert nodes["Deployment"]["health"] == {"status": "Healthy"}
    assert "group" not in nodes["Service"]
    assert "managedFields" not in nodes["Service"]["object"]["metadata"]
    assert "resourceVersion" not in release["renderedRelease"]["metadata"]
    pod, deployment = nodes["Pod"]["name"], nodes["Deployment"]["name"]
    query = f"group=apps&version=v1&kind=Deployment&name={deployment}"
    events = (await api.must("GET", f"{path}/events?{query}"))["events"]
    assert [event["reason"] for event in events] == ["ScalingReplicaSet"]
    logs = (await api.must("GET", f"{path}/logs?podName={pod}"))["logEntries"]
    assert [entry["log"] for entry in logs] == ["containers are simulated: nothing runs"]
    for question, status, text in (
        ("events?kind=Pod&name=x", 400, "Query argument version is required, but not found\n"),
        ("events?version=v1&kind=Pod&name=x", 404, "Resource not found"),
        ("logs", 400, "Query argument podName is required, but not found\n"),
        ("logs?podName=x", 404, "Resource not found"),
        (f"logs?podName={pod}&container=x", 400, "Container not found in pod"),
    ):
        found, body, _ = await api.call("GET", f"{path}/{question}")
        assert (found, body if isinstance(body, str) else body["error"]) == (status, text)
    found, body, _ = await api.call("GET", f"{_NAMESPACE}/releasebindings/ghost/k8sresources/tree")
    assert (found, body["error"]) == (404, "ReleaseBinding not found")


async def test_a_release_is_generated_from_the_component_as_it_is(
    platform: Platform, api: Api
) -> None:
    await _deploy(platform, api, "frozen")
    named = await api.client.generate_release("default", "frozen", release="frozen-r1")
    assert named["metadata"]["labels"]["openchoreo.dev/component"] == "frozen"
    assert named["spec"]["workload"]["container"]["image"] == "choreo.local/greeter:1.0"
    first = await api.client.generate_release("default", "frozen")
    second = await api.client.generate_release("default", "frozen")
    stem, _, number = first["metadata"]["name"].rpartition("-")
    assert (number, second["metadata"]["name"]) == ("1", f"{stem}-2")
    plan = await api.client.promotion_plan("default", "frozen", to="staging", release="frozen-r1")
    assert plan.warnings[0].startswith("development has another release")


async def test_schemas_of_types_and_components_are_shown(platform: Platform, api: Api) -> None:
    await _deploy(platform, api, "typed")
    found = await api.must("GET", "/api/v1/clustercomponenttypes/service/schema")
    assert found["type"] == "object"
    assert "properties" in found
    found = await api.must("GET", f"{_NAMESPACE}/components/typed/schema")
    assert "replicas" in found["properties"]["componentTypeEnvironmentConfigs"]["properties"]
    status, body, _ = await api.call("GET", "/api/v1/clustertraits/ghost/schema")
    assert (status, body["error"]) == (404, "ClusterTrait not found")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "promotion", None, 400, "to"),
        ("POST", "promotion", {}, 400, "to"),
        ("POST", "promotion", {"to": 5}, 400, "to"),
        ("POST", "promotion", {"to": "staging", "release": ["x"]}, 400, "release"),
        ("GET", "why", None, 400, "environment"),
        ("GET", "logs?environment=development&since=yesterday", None, 400, "duration"),
        ("GET", "logs?environment=development&follow=perhaps", None, 400, "follow"),
    ],
)
async def test_requests_that_make_no_sense_are_refused_with_the_field(
    api: Api, method: str, path: str, body: Any, status: int, field: str
) -> None:
    found, answer, _ = await api.call(
        method, f"/choreo/v1/namespaces/default/components/any/{path}", body
    )
    assert (found, answer["code"]) == (status, "BAD_REQUEST")
    assert field in answer["error"]
