"""Secrets and git secrets over HTTP: on the plane, in its store, named in the control plane."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from choreo_local.api import registry
from choreo_local.services.storedsecrets import PUSH_SECRETS, SECRETS
from tests.apiserver.harness import Api, serve, token_of
from tests.services import harness
from tests.services.harness import Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SECRETS = "/api/v1alpha1/namespaces/default/secrets"
_GIT_SECRETS = "/api/v1alpha1/namespaces/default/gitsecrets"
_PLANE = {"kind": "ClusterDataPlane", "name": "default"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[Platform]:
    async with harness.control_plane("core", "dataplane") as found:
        found.planes.connect("WorkflowPlane", "default", found.client)
        for kind in ("ClusterDataPlane", "ClusterWorkflowPlane"):
            agent = {"clientCA": {"value": "a certificate"}}
            spec: dict[str, Any] = {"planeID": "default", "clusterAgent": agent}
            await found.apply(
                {
                    "apiVersion": "openchoreo.dev/v1alpha1",
                    "kind": kind,
                    "metadata": {"name": "default"},
                    "spec": {**spec, "secretStoreRef": {"name": "default"}},
                },
                {
                    "apiVersion": "openchoreo.dev/v1alpha1",
                    "kind": kind,
                    "metadata": {"name": "bare"},
                    "spec": spec,
                },
            )
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(platform: Platform) -> AsyncIterator[Api]:
    async with serve(platform) as found:
        yield found


def _new(name: str, kind: str = "Opaque", **data: str) -> dict[str, Any]:
    return {"secretName": name, "secretType": kind, "targetPlane": _PLANE, "data": data}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def test_a_secret_is_stored_shown_replaced_and_removed(api: Api, platform: Platform) -> None:
    body = {**_new("db", password="one", user="u"), "labels": {"team": "red"}}
    created = await api.must("POST", _SECRETS, body)
    assert (created["kind"], created["type"]) == ("Secret", "Opaque")
    assert created["metadata"]["labels"]["team"] == "red"
    assert created["data"] == {"password": _encoded("one"), "user": _encoded("u")}
    push = await platform.client.get(PUSH_SECRETS, "db", "openchoreo-kv-default")
    assert [entry["match"]["remoteRef"]["remoteKey"] for entry in push["spec"]["data"]] == [
        "secret/default/generic/db"
    ] * 2
    reference = await platform.client.get(registry.SECRET_REFERENCE, "db", "default")
    assert reference["spec"]["targetPlane"] == _PLANE

    updated = await api.must("PUT", f"{_SECRETS}/db", {"data": {"password": "two"}})
    assert updated["data"] == {"password": _encoded("two")}
    assert "team" not in updated["metadata"]["labels"]
    assert (await api.must("GET", f"{_SECRETS}/db")) == updated
    assert (await api.must("GET", _SECRETS))["items"] == [updated]

    await api.must("DELETE", f"{_SECRETS}/db")
    status, content, _ = await api.call("GET", f"{_SECRETS}/db")
    assert (status, content["error"]) == (404, "secret not found")
    left = await platform.client.list(SECRETS, "openchoreo-kv-default")
    assert left.items == []


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (_new("", a="b"), 400, "secretName is required"),
        (_new("../../evil", a="b"), 400, "must be a lowercase RFC 1123 subdomain"),
        (_new("s", "weird", a="b"), 400, "unsupported secretType: weird"),
        (_new("s"), 400, "data is required"),
        (_new("s", "kubernetes.io/tls", **{"tls.crt": "c"}), 400, 'data key "tls.key" is required'),
        ({**_new("s", a="b"), "targetPlane": {}}, 400, "unsupported targetPlane kind"),
        (
            {**_new("s", a="b"), "targetPlane": {**_PLANE, "name": "ghost"}},
            422,
            "target plane not found",
        ),
        (
            {**_new("s", a="b"), "targetPlane": {**_PLANE, "name": "bare"}},
            400,
            "secret store is not configured on the target plane",
        ),
        (
            {**_new("s", a="b"), "labels": {"openchoreo.dev/managed-by": "me"}},
            400,
            'label "openchoreo.dev/managed-by" is reserved',
        ),
    ],
)
async def test_what_cannot_be_a_secret_is_refused_and_leaves_nothing(
    api: Api, platform: Platform, body: dict[str, Any], status: int, error: str
) -> None:
    found, content, _ = await api.call("POST", _SECRETS, body)
    assert (found, error in content["error"]) == (status, True), content
    assert (await api.must("GET", _SECRETS))["items"] == []
    assert (await platform.client.list(PUSH_SECRETS)).items == []


async def test_values_of_another_form_are_refused_in_plain_text(api: Api) -> None:
    status, content, _ = await api.call("POST", _SECRETS, {**_new("s"), "data": {"a": 1}})
    assert status == 400
    assert content.startswith("can't decode JSON body: json: cannot unmarshal number")


async def test_a_name_that_is_taken_is_a_conflict_and_the_values_stay(api: Api) -> None:
    await api.must("POST", _SECRETS, _new("taken", a="first"))
    status, content, _ = await api.call("POST", _SECRETS, _new("taken", a="second"))
    assert (status, content["error"]) == (409, "secret already exists")
    assert (await api.must("GET", f"{_SECRETS}/taken"))["data"] == {"a": _encoded("first")}
    await api.must("DELETE", f"{_SECRETS}/taken")


async def test_references_of_others_are_no_secrets_of_the_api(api: Api, platform: Platform) -> None:
    await platform.apply(
        {
            "apiVersion": "openchoreo.dev/v1alpha1",
            "kind": "SecretReference",
            "metadata": {"name": "theirs", "namespace": "default"},
            "spec": {
                "template": {"type": "Opaque"},
                "data": [{"secretKey": "a", "remoteRef": {"key": "k"}}],
            },
        }
    )
    for method in ("GET", "DELETE"):
        status, content, _ = await api.call(method, f"{_SECRETS}/theirs")
        assert (status, content["error"]) == (404, "secret not found")


async def test_git_credentials_are_stored_listed_and_removed(api: Api, platform: Platform) -> None:
    body = {
        "secretName": "readonly",
        "secretType": "basic-auth",
        "workflowPlaneKind": "ClusterWorkflowPlane",
        "workflowPlaneName": "default",
        "username": "robot",
        "token": "t0ken",
    }
    shown = {
        "name": "readonly",
        "namespace": "default",
        "workflowPlaneKind": "ClusterWorkflowPlane",
        "workflowPlaneName": "default",
    }
    assert await api.must("POST", _GIT_SECRETS, body) == shown
    assert await api.must("GET", _GIT_SECRETS) == {"items": [shown], "totalCount": 1}
    stored = await platform.client.get(SECRETS, "readonly", "workflows-default")
    assert stored["type"] == "kubernetes.io/basic-auth"
    assert stored["data"] == {"username": _encoded("robot"), "password": _encoded("t0ken")}
    assert (await api.must("GET", _SECRETS))["items"] == []

    status, content, _ = await api.call("POST", _GIT_SECRETS, body)
    assert (status, content["error"]) == (409, "git secret already exists")
    await api.must("DELETE", f"{_GIT_SECRETS}/readonly")
    assert await api.must("GET", _GIT_SECRETS) == {"items": [], "totalCount": 0}


async def test_values_are_shown_nowhere_but_where_they_are_asked_for(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    marks = ("horse", "battery")
    for body in (
        _new("kept", password="horse", user="battery"),
        _new("kept", password="horse"),
        _new("../kept", password="horse"),
        _new("other", "kubernetes.io/tls", **{"tls.crt": "horse"}),
        {**_new("bad", password="horse"), "targetPlane": {**_PLANE, "name": "ghost"}},
        {**_new("bad"), "data": {"password": ["horse"]}},
    ):
        status, content, headers = await api.call("POST", _SECRETS, body)
        shown.append((content if status != 201 else "", headers))
    git = {
        "secretName": "repository",
        "secretType": "basic-auth",
        "workflowPlaneKind": "ClusterWorkflowPlane",
        "workflowPlaneName": "default",
        "token": "horse",
    }
    bodies = (git, git, {**git, "secretType": "ssh-auth"}, {**git, "token": {"x": "horse"}})
    names = ("", "/kept", "/repository", "/ghost")
    references = [f"/api/v1/namespaces/default/secretreferences{name}" for name in names]
    shown += [(await api.call("POST", _GIT_SECRETS, body))[1:] for body in bodies]
    shown += [(await api.call("GET", path))[1:] for path in (_GIT_SECRETS, *references)]
    shown += [
        (await api.call("GET", f"{_SECRETS}{name}", token=token_of(group)))[1:]
        for name in names
        for group in ("developers", "strangers")
    ]
    told = f"{shown}{caplog.text}"
    assert not [mark for mark in marks if mark in told or _encoded(mark) in told]
    kept = await api.must("GET", f"{_SECRETS}/kept")
    assert kept["data"]["password"] == _encoded("horse")
