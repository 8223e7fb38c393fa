"""Images by their pull policy."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import kinds, pulling
from choreo_local.embedded.kubelet.realimages import RealImages
from choreo_local.images.client import Patience
from choreo_local.images.credentials import Credential
from choreo_local.images.library import ImageLibrary
from tests.embedded.kubelet.livenode import live_node
from tests.images import builders
from tests.images.strangers import serving


def secret(content: Any) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    return {"data": {".dockerconfigjson": base64.b64encode(text.encode()).decode()}}


def test_credentials_are_read_in_both_forms() -> None:
    auth = base64.b64encode(b"ada:p:w").decode()
    content = {
        "auths": {
            "one.test": {"username": "bob", "password": "secret"},
            "two.test": {"auth": auth},
        }
    }
    assert pulling.registry_credentials(secret(content)) == [
        Credential("one.test", "bob", "secret"),
        Credential("two.test", "ada", "p:w"),
    ]


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"data": {}},
        secret("no json"),
        secret([]),
        secret({"auths": []}),
        secret({"auths": {"a": {"auth": "%%%"}}}),
        {"data": {".dockerconfigjson": "%"}},
    ],
)
def test_malformed_credentials_are_none(found: dict[str, Any]) -> None:
    assert pulling.registry_credentials(found) == []


@pytest.mark.parametrize(
    ("taken", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(microseconds=64_900), "64ms"),
        (timedelta(seconds=1.5), "1.5s"),
        (timedelta(seconds=59.999), "59.999s"),
        (timedelta(seconds=125.25), "2m5.25s"),
    ],
)
def test_the_time_of_a_pull_is_written_as_go_does(taken: timedelta, text: str) -> None:
    assert pulling.as_go(taken) == text


async def test_a_secret_opens_a_registry_and_others_cannot_use_the_image(tmp_path: Path) -> None:
    async with serving() as stranger, live_node(tmp_path) as node:
        stranger.add(builders.image(builders.layer(builders.entry("a"))))
        stranger.passwords = {"ada": "right"}
        library = ImageLibrary(tmp_path / "images", patience=Patience(attempts=1))
        await node.start(node.process_runtime(open_real=lambda: RealImages(library)))
        image = f"{stranger.host}/a/b:1"
        for name, password in (("wrong", "x"), ("right", "right")):
            content = {"auths": {stranger.host: {"username": "ada", "password": password}}}
            await node.create(kinds.SECRETS, name, **secret(content))
        container = {"image": image, "imagePullPolicy": "IfNotPresent"}
        right = {"imagePullSecrets": [{"name": "right"}]}
        await node.run(name="right", container=container, **right)
        pulled = await node.until_event("Pulled", name="right")
        assert pulled.startswith(f'Successfully pulled image "{image}" in ')
        assert "including waiting). Image size: " in pulled
        for name, fields in (("nobody", {}), ("wrong", {"imagePullSecrets": [{"name": "wrong"}]})):
            await node.run(name=name, container=container, **fields)
            message = await node.until_event("Failed", name=name)
            assert message.startswith(f'Failed to pull image "{image}": rpc error: code = Unknown')
            assert "pull access denied" in message
        await node.run(name="again", container=container, **right)
        assert await node.until_event("Pulled", name="again") == (
            f'Container image "{image}" already present on machine and can be accessed by the pod'
        )
