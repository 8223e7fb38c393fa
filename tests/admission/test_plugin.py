"""The embedded kube API takes the webhooks as a plugin."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from choreo_local.admission import plugin
from choreo_local.admission import registry as webhooks
from choreo_local.admission.registry import Review
from choreo_local.api import crds, registry
from tests.admission.objects import component_type, data, template
from tests.embedded.kubeapi.harness import Api

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OWN = {"name": "x", "namespace": "${metadata.namespace}"}


async def cluster(*kinds: str) -> Api:
    api = await Api.start()
    for kind in kinds:
        await api.must("POST", DEFINITIONS, crds.manifest(registry.KINDS[kind]))
        await served(api, registry.KINDS[kind].resource.group_resource)
    api.kube.admission.plugins.append(plugin.Webhooks())
    return api


async def served(api: Api, name: str) -> None:
    while True:
        status = (await api.must("GET", f"{DEFINITIONS}/{name}"))["status"]
        found = {c["type"]: c["status"] for c in status.get("conditions") or ()}
        if found.get("Established") == "True":
            return
        await asyncio.sleep(0)


def obj(kind: str, spec: Any) -> dict[str, Any]:
    meta = {"name": "x"}
    return {"apiVersion": "openchoreo.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec}


def path(kind: str, name: str | None = None) -> str:
    return registry.KINDS[kind].resource.path("default", name)


async def test_what_a_webhook_refuses_is_not_stored() -> None:
    api = await cluster("ComponentType")
    broken = component_type({"id": "a", "template": data("${nope}")})
    status, answer = await api.call("POST", path("ComponentType"), obj("ComponentType", broken))
    assert (status, answer["reason"]) == (422, "Invalid")
    assert answer["message"].startswith(
        'admission webhook "vcomponenttype-v1alpha1.kb.io" denied the request:'
        ' ComponentType.openchoreo.dev "x" is invalid: spec.resources[1].template[data][a]:'
    )
    assert answer["details"]["causes"][0]["field"] == "spec.resources[1].template[data][a]"
    assert (await api.must("GET", path("ComponentType")))["items"] == []


async def test_what_a_webhook_sets_is_stored() -> None:
    api = await cluster("Workflow")
    run = template("Workflow", metadata=OWN)
    await api.must("POST", path("Workflow"), obj("Workflow", {"runTemplate": run}))
    stored = await api.must("GET", path("Workflow", "x"))
    assert stored["spec"]["runTemplate"]["spec"] == {"serviceAccountName": "workflow-sa"}


async def test_what_cannot_be_set_is_refused_by_the_webhook_that_sets() -> None:
    api = await cluster("Workflow")
    run = template("Workflow", metadata=OWN, spec="x")
    status, answer = await api.call("POST", path("Workflow"), obj("Workflow", {"runTemplate": run}))
    assert (status, answer["reason"]) == (403, "Forbidden")
    assert answer["message"] == (
        'admission webhook "mworkflow-v1alpha1.kb.io" denied the request:'
        " failed to default runTemplate: spec is string, expected object"
    )


async def test_updates_keep_what_a_controller_chose() -> None:
    api = await cluster("ReleaseBinding")
    owner = {"componentName": "c", "projectName": "p"}
    spec = {"environment": "dev", "owner": owner, "releaseName": "r"}
    await api.must("POST", path("ReleaseBinding"), obj("ReleaseBinding", spec))
    change = {"spec": {"releaseName": None, "state": "Undeploy"}}
    merge = {"content_type": "application/merge-patch+json"}
    patched = await api.must("PATCH", path("ReleaseBinding", "x"), change, **merge)
    assert (patched["spec"]["releaseName"], patched["spec"]["state"]) == ("r", "Undeploy")


async def test_the_status_of_a_broken_object_can_be_written() -> None:
    api = await cluster("ComponentType")
    broken = component_type({"id": "a", "template": data("${nope}")})
    judge = api.kube.admission.plugins.pop()
    await api.must("POST", path("ComponentType"), obj("ComponentType", broken))
    api.kube.admission.plugins.append(judge)
    merge = {"content_type": "application/merge-patch+json"}
    change: dict[str, Any] = {"status": {}}
    await api.must("PATCH", f"{path('ComponentType', 'x')}/status", change, **merge)
    label = {"metadata": {"labels": {"a": "b"}}}
    status, _ = await api.call("PATCH", path("ComponentType", "x"), label, **merge)
    assert status == 422


async def test_broken_objects_can_be_deleted() -> None:
    api = await cluster("ComponentType")
    judge = api.kube.admission.plugins.pop()
    broken = obj("ComponentType", component_type({"id": "a", "template": data("${nope}")}))
    broken["metadata"]["finalizers"] = ["example.com/hold"]
    await api.must("POST", path("ComponentType"), broken)
    api.kube.admission.plugins.append(judge)
    await api.must("DELETE", path("ComponentType", "x"))
    merge = {"content_type": "application/merge-patch+json"}
    release = {"metadata": {"finalizers": None}}
    await api.must("PATCH", path("ComponentType", "x"), release, **merge)
    assert (await api.must("GET", path("ComponentType")))["items"] == []


async def test_warnings_reach_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    def cautious(_operation: str, _kind: str, obj: dict[str, Any], *_: Any, **__: Any) -> Review:
        return Review(obj, warnings=("take care",))

    api = await cluster("Environment")
    monkeypatch.setattr(webhooks, "review", cautious)
    spec = {"dataPlaneRef": {"kind": "ClusterDataPlane", "name": "default"}}
    answer = await api.send("POST", path("Environment"), obj("Environment", spec))
    assert answer.status == 201
    assert ("Warning", '299 - "take care"') in answer.headers


async def test_other_groups_are_left_alone() -> None:
    api = await cluster()
    await api.must("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "a"}})
