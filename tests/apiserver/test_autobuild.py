"""A git provider tells of a push, and builds start."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from choreo_local.api import registry
from choreo_local.services.autobuild import SECRET
from tests.apiserver.harness import Api, serve
from tests.services import harness
from tests.services.harness import Platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PATH = "/api/v1alpha1/autobuild"
_COMMIT = "0123456789abcdef0123456789abcdef01234567"
_MARK = "x-openchoreo-component-parameter-repository-"
_KEY = b"shared"

Manifest = dict[str, Any]


def _workflow() -> Manifest:
    text = {"type": "string"}
    repository = {
        "type": "object",
        "properties": {
            "url": {**text, f"{_MARK}url": True},
            "branch": {**text, "default": "main", f"{_MARK}branch": True},
            "commit": {**text, f"{_MARK}commit": True},
            "appPath": {**text, "default": "", f"{_MARK}app-path": True},
        },
    }
    schema = {"type": "object", "properties": {"repository": repository}}
    metadata = {"name": "${metadata.workflowRunName}", "namespace": "${metadata.namespace}"}
    run = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata}
    return {
        "apiVersion": "openchoreo.dev/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "build", "namespace": "default"},
        "spec": {"parameters": {"openAPIV3Schema": schema}, "runTemplate": run},
    }


def _component(name: str, *, auto_build: bool = True, **repository: str) -> Manifest:
    return {
        "apiVersion": "openchoreo.dev/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "owner": {"projectName": "shop"},
            "componentType": {"kind": "ComponentType", "name": "deployment/service"},
            "autoBuild": auto_build,
            "workflow": {
                "kind": "Workflow",
                "name": "build",
                "parameters": {"repository": repository},
            },
        },
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[Platform]:
    url = "https://github.com/acme/shop"
    async with harness.control_plane("core") as found:
        await found.apply(
            _workflow(),
            _component("cart", url=f"{url}.git", appPath="cart"),
            _component("all", url="git@github.com:acme/shop.git"),
            _component("quiet", auto_build=False, url=url),
            _component("next", url=url, branch="next"),
            _component("other", url="https://github.com/acme/other"),
        )
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(platform: Platform) -> AsyncIterator[Api]:
    async with serve(platform) as found:
        yield found


async def _push(
    api: Api, *, key: bytes = _KEY, header: str = "X-Hub-Signature-256", paths: tuple[str, ...] = ()
) -> tuple[int, Any]:
    body = json.dumps(
        {
            "ref": "refs/heads/main",
            "after": _COMMIT,
            "repository": {"clone_url": "https://github.com/acme/shop.git"},
            "commits": [{"modified": list(paths)}],
        }
    ).encode()
    signature = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    async with api.session.post(
        api.url + _PATH, data=body, headers={header: signature}
    ) as response:
        return response.status, await response.json()


async def test_without_an_agreed_secret_nobody_can_push(api: Api) -> None:
    assert await _push(api) == (
        500,
        {"error": "Webhook secret not configured", "code": "INTERNAL_ERROR"},
    )


async def test_strangers_are_refused(api: Api, platform: Platform) -> None:
    await platform.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "openchoreo-control-plane"},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET, "namespace": "openchoreo-control-plane"},
            "data": {"github-secret": base64.b64encode(_KEY).decode()},
        },
    )
    wrong = {"error": "Invalid webhook signature", "code": "UNAUTHORIZED"}
    assert await _push(api, key=b"guessed") == (401, wrong)
    status, content = await _push(api, header="X-Something")
    assert (status, content["code"]) == (400, "UNKNOWN_GIT_PROVIDER")
    assert (await platform.client.list(registry.WORKFLOW_RUN)).items == []


async def test_a_push_builds_the_components_that_it_concerns(api: Api, platform: Platform) -> None:
    status, content = await _push(api, paths=("web/index.html",))
    assert (status, content["affectedComponents"], content["triggeredBuilds"]) == (
        200,
        ["default/all"],
        1,
    )
    status, content = await _push(api, paths=("cart/main.go",))
    assert content["affectedComponents"] == ["default/all", "default/cart"]
    runs = (await platform.client.list(registry.WORKFLOW_RUN, "default")).items
    assert len(runs) == 3
    run = next(each for each in runs if each["metadata"]["name"].startswith("cart-run-"))
    assert run["metadata"]["labels"] == {
        "openchoreo.dev/project": "shop",
        "openchoreo.dev/component": "cart",
    }
    repository = run["spec"]["workflow"]["parameters"]["repository"]
    assert repository["commit"] == _COMMIT
    assert repository["appPath"] == "cart"
