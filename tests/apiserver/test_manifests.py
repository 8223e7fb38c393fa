"""Apply a manifest through our own path, for callers of all sorts, and read an object's events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from choreo_local.api import registry
from choreo_local.apiserver.audit import AuditLog
from choreo_local.errors import AlreadyExistsError, BadRequestError, InvalidError, NotFoundError
from choreo_local.services.applying import MANAGER
from choreo_local.services.live import EVENTS
from tests.apiserver.harness import TOKEN, Api, serve, token_of
from tests.services import harness

pytestmark = pytest.mark.asyncio(loop_scope="module")

_APPLY = "/choreo/v1/namespaces/default/{}/{}/apply"


def _component(name: str, *, project: str = "shop", **spec: Any) -> dict[str, Any]:
    kind = {"kind": "ClusterComponentType", "name": "deployment/service"}
    return {
        "apiVersion": registry.COMPONENT.api_version,
        "kind": "Component",
        "metadata": {"name": name},
        "spec": {"owner": {"projectName": project}, "componentType": kind, **spec},
    }


def _project(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": registry.PROJECT.api_version,
        "kind": "Project",
        "metadata": {"name": name},
        "spec": spec,
    }


async def test_apply_says_what_became_of_the_object(api: Api) -> None:
    manifest = _component("applied")
    first = await api.client.apply(registry.COMPONENT, manifest, "default")
    again = await api.client.apply(registry.COMPONENT, manifest, "default")
    changed = _component("applied", autoDeploy=True)
    third = await api.client.apply(registry.COMPONENT, changed, "default")
    assert [first.result, again.result, third.result] == ["created", "unchanged", "configured"]
    assert third.obj["spec"]["autoDeploy"] is True
    assert third.obj["metadata"]["labels"]["openchoreo.dev/project"] == "shop"


async def test_a_trial_checks_everything_and_stores_nothing(api: Api) -> None:
    manifest = _component("tried")
    tried = await api.client.apply(registry.COMPONENT, manifest, "default", dry_run=True)
    assert tried.result == "created"
    with pytest.raises(NotFoundError):
        await api.client.get(registry.COMPONENT, "tried", "default")
    wrong = _component("tried", componentType={"kind": "ClusterComponentType", "name": "noslash"})
    with pytest.raises(InvalidError, match="componentType") as refused:
        await api.client.apply(registry.COMPONENT, wrong, "default", dry_run=True)
    assert refused.value.causes[0].field == "spec.componentType.name"
    await api.client.apply(registry.COMPONENT, manifest, "default")
    for changed, result in ((manifest, "unchanged"), (_component("tried", autoDeploy=True), None)):
        tried = await api.client.apply(registry.COMPONENT, changed, "default", dry_run=True)
        assert tried.result == (result or "configured")
    assert (
        "autoDeploy" not in (await api.client.get(registry.COMPONENT, "tried", "default"))["spec"]
    )


@pytest.mark.parametrize("word", ["All", "1", "True", ""])
async def test_a_trial_in_other_words_is_refused(api: Api, word: str) -> None:
    path = _APPLY.format("projects", "worded") + f"?dryRun={word}"
    status, content, _ = await api.call("POST", path, _project("worded"))
    assert (status, "dryRun" in str(content)) == (400, True)
    with pytest.raises(NotFoundError):
        await api.client.get(registry.PROJECT, "worded", "default")


async def test_what_others_set_stays_and_what_the_manifest_drops_goes(api: Api) -> None:
    manifest = _project("shared") | {"metadata": {"name": "shared", "labels": {"ours": "1"}}}
    await api.client.apply(registry.PROJECT, manifest, "default")
    pipeline = {"deploymentPipelineRef": {"kind": "DeploymentPipeline", "name": "slow"}}
    await api.kube.patch(
        registry.PROJECT,
        "shared",
        {"metadata": {"labels": {"theirs": "2"}}, "spec": pipeline},
        "default",
    )
    applied = await api.client.apply(registry.PROJECT, _project("shared"), "default")
    assert applied.obj["metadata"]["labels"] == {"theirs": "2"}
    assert applied.obj["spec"]["deploymentPipelineRef"]["name"] == "slow"
    stored = await api.kube.get(registry.PROJECT, "shared", "default")
    managers = {entry["manager"] for entry in stored["metadata"]["managedFields"]}
    assert MANAGER in managers


async def test_a_new_project_gets_what_its_manifest_leaves_out(api: Api) -> None:
    applied = await api.client.apply(registry.PROJECT, _project("bare"), "default")
    assert applied.obj["spec"]["type"] == {"kind": "ClusterProjectType", "name": "default"}


async def test_a_component_stays_in_its_project(api: Api) -> None:
    await api.client.apply(registry.COMPONENT, _component("settled"), "default")
    with pytest.raises(BadRequestError, match="projectName is immutable"):
        await api.client.apply(
            registry.COMPONENT, _component("settled", project="other"), "default"
        )


async def test_namespaces_are_made_and_described_but_not_taken_over(api: Api) -> None:
    kind = registry.NAMESPACE
    manifest: dict[str, Any] = {"metadata": {"name": "team", "labels": {"floor": "2"}}}
    assert (await api.client.apply(kind, manifest)).result == "created"
    assert (await api.client.apply(kind, manifest)).result == "unchanged"
    manifest["metadata"]["annotations"] = {"openchoreo.dev/description": "We"}
    assert (await api.client.apply(kind, manifest, dry_run=True)).result == "configured"
    assert (await api.client.apply(kind, manifest)).result == "configured"
    stored = await api.kube.get(kind, "team")
    assert stored["metadata"]["labels"]["openchoreo.dev/control-plane"] == "true"
    assert stored["metadata"]["labels"]["floor"] == "2"
    manifest["metadata"]["labels"] = {"floor": "3"}
    with pytest.raises(BadRequestError, match="the label floor"):
        await api.client.apply(kind, manifest)
    with pytest.raises(AlreadyExistsError):
        await api.client.apply(kind, {"metadata": {"name": "kube-system"}})


def _release(name: str) -> dict[str, Any]:
    template = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"}}
    resources = [{"id": "one", "template": template}]
    return {
        "apiVersion": registry.PROJECT_RELEASE.api_version,
        "kind": "ProjectRelease",
        "metadata": {"name": name},
        "spec": {
            "owner": {"projectName": "shop"},
            "projectType": {
                "kind": "ClusterProjectType",
                "name": "default",
                "spec": {"resources": resources},
            },
        },
    }


async def test_a_release_may_be_applied_again_but_not_changed(api: Api) -> None:
    path = _APPLY.format("projectreleases", "once")
    token = token_of("developers", "platform-engineers")
    for result in ("created", "unchanged"):
        status, content, _ = await api.call("POST", path, _release("once"), token=token)
        assert (status, content.get("result")) == (200, result), content
    for given in (token, TOKEN):
        changed = _release("once") | {"metadata": {"name": "once", "labels": {"new": "1"}}}
        status, content, _ = await api.call("POST", path, changed, token=given)
        assert (status, "cannot be changed" in str(content)) == (400, True), content


async def test_a_field_that_the_schema_does_not_know_is_the_callers_fault(api: Api) -> None:
    wrong = _project("typo", deploymentPipelineReff={"name": "x"})
    with pytest.raises(BadRequestError, match=r"schema: \.spec\.deploymentPipelineReff: field"):
        await api.client.apply(registry.PROJECT, wrong, "default")


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("one", {"metadata": {"name": "two"}}, 400),
        ("one", {}, 400),
        ("a%2Fb", {"metadata": {"name": "a/b"}}, 404),
        ("A", {"metadata": {"name": "A"}, "spec": {}}, 422),
    ],
)
async def test_a_name_that_is_none_gets_nowhere(
    api: Api, name: str, body: dict[str, Any], status: int
) -> None:
    found, content, _ = await api.call("POST", _APPLY.format("projects", name), body)
    assert found == status, content


async def test_an_unknown_kind_has_no_path(api: Api) -> None:
    assert (await api.call("POST", _APPLY.format("pods", "one"), {}))[0] == 404
    assert (await api.call("GET", "/choreo/v1/namespaces/default/pods/one/events"))[0] == 404


async def _denied(api: Api, kind: str, body: dict[str, Any], *groups: str) -> str:
    """What is missing when somebody in these groups applies."""
    path = _APPLY.format(kind, body["metadata"]["name"])
    status, content, headers = await api.call("POST", path, body, token=token_of(*groups))
    assert status == 403, content
    return headers["choreo-missing-permission"]


async def test_who_may_not_create_or_update_is_told_what_is_missing(api: Api) -> None:
    missing = await _denied(api, "projects", _project("new"), "sres")
    assert missing == "project:create ns/default/project/new"
    # Whether it exists is the same to those who may not know.
    await api.client.apply(registry.COMPONENT, _component("there"), "default")
    for name in ("there", "absent"):
        missing = await _denied(api, "components", _component(name), "strangers")
        assert missing == f"component:create ns/default/project/shop/component/{name}"
    # Who may see it hears what is missing to change it.
    missing = await _denied(api, "components", _component("there"), "sres")
    assert missing == "component:update ns/default"


async def test_developers_apply_components_but_no_environments(api: Api) -> None:
    path = _APPLY.format("components", "of-developer")
    token = token_of("developers")
    status, content, _ = await api.call("POST", path, _component("of-developer"), token=token)
    assert (status, content["result"]) == (200, "created")
    environment = {"metadata": {"name": "qa"}, "spec": {}}
    missing = await _denied(api, "environments", environment, "developers")
    assert missing == "environment:create ns/default"


async def test_events_are_told_to_those_who_may_see_the_object(api: Api) -> None:
    await api.client.apply(registry.PROJECT, _project("eventful"), "default")
    stored = await api.kube.get(registry.PROJECT, "eventful", "default")
    await api.kube.create(EVENTS, _event(stored))
    found = await api.client.events(registry.PROJECT, "eventful", "default")
    assert [event["reason"] for event in found] == ["Tested"]
    path = "/choreo/v1/namespaces/default/projects/eventful/events"
    status, _, headers = await api.call("GET", path, token=token_of("strangers"))
    assert status == 403
    assert headers["choreo-missing-permission"].startswith("project:view ")
    with pytest.raises(NotFoundError):
        await api.client.events(registry.PROJECT, "no-such", "default")


def _event(about: dict[str, Any]) -> dict[str, Any]:
    metadata = about["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "tested", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": metadata["name"],
            "namespace": metadata["namespace"],
            "uid": metadata["uid"],
        },
        "reason": "Tested",
        "message": "by hand",
        "type": "Normal",
    }


async def test_trials_are_noted_only_when_they_are_refused(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    async with harness.control_plane("core") as platform, serve(platform, audit=log) as api:
        path = _APPLY.format("components", "tried") + "?dryRun=true"
        for token in (token_of("developers"), token_of("strangers")):
            await api.call("POST", path, _component("tried"), token=token)
        await api.client.apply(registry.COMPONENT, _component("tried"), "default")
    log.close()
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert '"denied"' in lines[0]
    assert '"component:create"' in lines[1]
