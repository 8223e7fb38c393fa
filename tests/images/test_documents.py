"""Manifests and configurations from untrusted bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from choreo_local.images import documents, platforms
from choreo_local.images.documents import ImageIndex, ImageManifest, Platform
from choreo_local.images.failures import InvalidContent, NotThere
from tests.images import builders


def test_a_manifest_is_read() -> None:
    made = builders.image(builders.layer(builders.entry("a")))
    found = documents.read_manifest(made.manifest)
    assert isinstance(found, ImageManifest)
    assert str(found.config.digest) == builders.sha256(made.config)
    assert [documents.compression(entry.media_type) for entry in found.layers] == ["gzip"]


def test_a_configuration_is_read() -> None:
    config = {
        "Entrypoint": ["/run"],
        "Cmd": ["a", "b"],
        "Env": ["A=1", "B=x=y", "EMPTY="],
        "User": "app:app",
        "WorkingDir": "/srv",
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Volumes": {"/data": {}},
        "StopSignal": "SIGQUIT",
        "Labels": {"a": "b"},
    }
    found = documents.read_config(builders.image(config=config).config)
    assert found.entrypoint == ["/run"]
    assert found.environment == {"A": "1", "B": "x=y", "EMPTY": ""}
    assert (found.user, found.working_folder, found.stop_signal) == ("app:app", "/srv", "SIGQUIT")
    assert (found.ports, found.volumes) == (["53/udp", "80/tcp"], ["/data"])


def changed(**changes: Any) -> bytes:
    return json.dumps({**json.loads(builders.image().manifest), **changes}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b'"text"',
        b"[" * 10_000,
        changed(config=None),
        changed(config={"mediaType": "a", "digest": "sha256:../../etc", "size": 1}),
        changed(layers=[{"mediaType": "a", "digest": builders.sha256(b""), "size": -1}]),
        changed(layers=[{"mediaType": "a", "digest": builders.sha256(b""), "size": True}]),
        changed(layers="many"),
        changed(layers=[{}] * 1000),
        changed(mediaType="application/vnd.docker.distribution.manifest.v1+prettyjws"),
        changed(mediaType=documents.OCI_INDEX),
        changed(manifests=[]),
        b"{}" + b" " * (documents.MOST_DOCUMENT_BYTES),
    ],
)
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidContent):
        documents.read_manifest(content)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"rootfs": {"diff_ids": ["no digest"]}},
        {"rootfs": {"diff_ids": {}}},
        {"rootfs": {}, "config": {"Cmd": "text"}},
        {"rootfs": {}, "config": {"Cmd": [1]}},
        {"rootfs": {}, "config": {"Env": ["A=\0"]}},
        {"rootfs": {}, "config": {"User": 7}},
    ],
)
def test_what_is_no_configuration_is_refused(content: Any) -> None:
    with pytest.raises(InvalidContent):
        documents.read_config(json.dumps(content).encode())


def test_layers_of_unknown_kinds_cannot_be_unpacked() -> None:
    with pytest.raises(InvalidContent, match="cannot be unpacked"):
        documents.compression("application/vnd.example.model")


def chosen(wanted: Platform, *offered: tuple[str, str, str]) -> int:
    made = builders.image()
    entries = [
        builders.descriptor(
            documents.OCI_MANIFEST,
            made.manifest + bytes(place),
            platform={"os": system, "architecture": architecture, "variant": variant},
        )
        for place, (system, architecture, variant) in enumerate(offered)
    ]
    content = json.dumps({"mediaType": documents.OCI_INDEX, "manifests": entries}).encode()
    found = documents.read_manifest(content)
    assert isinstance(found, ImageIndex)
    return list(found.manifests).index(platforms.choose(found.manifests, wanted))


@pytest.mark.parametrize(
    ("wanted", "offered", "expected"),
    [
        (
            Platform("linux", "amd64"),
            [("linux", "arm64", ""), ("windows", "amd64", ""), ("linux", "amd64", "")],
            2,
        ),
        (Platform("linux", "arm64", "v8"), [("linux", "arm64", ""), ("linux", "arm64", "v8")], 1),
        (Platform("linux", "arm", "v7"), [("linux", "arm", "v5"), ("linux", "arm", "v6")], 1),
        (Platform("linux", "amd64"), [("unknown", "unknown", ""), ("linux", "amd64", "")], 1),
        (Platform("linux", "amd64"), [("linux", "amd64", ""), ("linux", "amd64", "")], 0),
    ],
)
def test_the_machine_gets_the_nearest_platform(
    wanted: Platform, offered: list[tuple[str, str, str]], expected: int
) -> None:
    assert chosen(wanted, *offered) == expected


@pytest.mark.parametrize(
    "offered", [("linux", "arm64", ""), ("windows", "amd64", ""), ("linux", "amd64", "v3")]
)
def test_an_image_for_other_machines_is_none(offered: tuple[str, str, str]) -> None:
    with pytest.raises(NotThere, match="no match for platform in manifest"):
        chosen(Platform("linux", "amd64"), offered)


def test_machines_are_named_as_in_go() -> None:
    assert platforms.of_machine("x86_64") == Platform("linux", "amd64")
    assert platforms.of_machine("aarch64") == Platform("linux", "arm64", "v8")
