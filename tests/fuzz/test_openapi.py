"""The OpenChoreo API under requests made of its own description: schemathesis with its checks.

`CHOREO_FUZZ_API_CASES` says how many there are of each operation; from twenty on, all corners of
the schemas are visited as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.provider import Provider
from choreo_local.threads import LoopThread
from tests.apiserver.harness import TOKEN, Api, serve
from tests.builders import API_VERSION
from tests.identity.parts import DIRECTORY
from tests.services import harness

CASES = int(os.environ.get("CHOREO_FUZZ_API_CASES", "2"))
_ALL_CORNERS_FROM = 20
_CONFIGURATION = Path(__file__).with_name("openapi.toml")
_SECONDS = 300 + 20 * CASES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * _SECONDS)]


def _things() -> Iterator[dict[str, Any]]:
    """Something for each path to find."""
    owner = {"projectName": "shop"}
    project = {
        "deploymentPipelineRef": {"name": "default"},
        "type": {"kind": "ClusterProjectType", "name": "default"},
    }
    type_ = {"kind": "ClusterComponentType", "name": "deployment/service"}
    binding = {"owner": owner | {"componentName": "greeter"}, "environment": "development"}
    yield _object("Project", "shop", project)
    yield _object("Component", "greeter", {"owner": owner, "componentType": type_})
    yield _object("ReleaseBinding", "greeter-development", binding)
    secret = dict.fromkeys(("github-secret", "gitlab-secret", "bitbucket-secret"), "c2VjcmV0")
    yield {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "openchoreo-control-plane"},
    }
    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "git-webhook-secrets", "namespace": "openchoreo-control-plane"},
        "data": secret,
    }


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


@asynccontextmanager
async def _served(keys: Path) -> AsyncIterator[Api]:
    def provider(url: str) -> Provider:
        return Provider(lambda: url, SigningKeys(keys), DIRECTORY)

    async with harness.control_plane("core") as platform:
        await platform.apply(*_things())
        async with serve(platform, provider=provider) as api:
            yield api


@pytest.fixture(params=["owner", "developer"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """The arguments of a run by the owner, or by somebody who may do little."""
    thread, stack = LoopThread("api under test"), AsyncExitStack()
    thread.start()
    try:
        api = thread.call(stack.enter_async_context(_served(tmp_path)))
        persona = ["-H", "Choreo-As: ada"] if request.param == "developer" else []
        yield [f"{api.url}/openapi.json", "-H", f"Authorization: Bearer {TOKEN}", *persona]
    finally:
        thread.call(stack.aclose())
        thread.stop()


def test_no_request_gets_an_answer_that_the_description_does_not_know(
    run: list[str], tmp_path: Path
) -> None:
    phases = "fuzzing" if CASES < _ALL_CORNERS_FROM else "coverage,fuzzing"
    program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(_CONFIGURATION)]
    options = ["--phases", phases, "-n", str(CASES), "--seed", "1", "--warnings", "off"]
    found = subprocess.run(
        [*program, "run", *run, *options, "--continue-on-failure", "--no-shrink"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    sys.stdout.write(found.stdout[found.stdout.rfind("= SUMMARY =") :])
    assert found.returncode == 0, found.stdout + found.stderr
