"""Files of volumes made from objects."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from choreo_local.embedded.kubelet import projections
from choreo_local.embedded.kubelet.environment import Surroundings
from choreo_local.embedded.kubelet.projections import File, Sources, VolumeError
from tests.embedded.kubelet.builders import container, pod


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SOURCES = Sources(
    config_maps={
        "settings": {"data": {"a": "1", "b": "2"}, "binaryData": {"raw": encoded("\0raw")}},
    },
    secrets={"login": {"data": {"user": encoded("ada")}}},
    tokens={"api/600": "a.b.c"},
    surroundings=Surroundings(["127.40.0.16"], ["127.0.0.1"], allocatable={"cpu": "4"}),
)
POD = pod(containers=[container(resources={"limits": {"cpu": "250m"}})])


def files(**volume: Any) -> dict[str, File]:
    return projections.files(POD, {"name": "v", **volume}, SOURCES)


def test_every_key_of_a_config_map_is_a_file() -> None:
    assert files(configMap={"name": "settings"}) == {
        "a": File(b"1"),
        "b": File(b"2"),
        "raw": File(b"\0raw"),
    }


def test_items_choose_path_and_mode() -> None:
    items = [{"key": "a", "path": "deep/one", "mode": 0o400}, {"key": "b", "path": "two"}]
    assert files(configMap={"name": "settings", "items": items, "defaultMode": 0o640}) == {
        "deep/one": File(b"1", 0o400),
        "two": File(b"2", 0o640),
    }


def test_secrets_are_decoded() -> None:
    assert files(secret={"secretName": "login", "defaultMode": 0o400}) == {
        "user": File(b"ada", 0o400)
    }


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "no"}}, 'configmap "no" not found'),
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        (
            {"configMap": {"name": "settings", "items": [{"key": "z", "path": "z"}]}},
            "references non-existent config key: z",
        ),
        ({"projected": {"sources": [{"secret": {"name": "no"}}]}}, 'secret "no" not found'),
    ],
)
def test_what_is_missing_is_named(volume: dict[str, Any], message: str) -> None:
    with pytest.raises(VolumeError) as caught:
        files(**volume)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "volume",
    [
        {"configMap": {"name": "no", "optional": True}},
        {"secret": {"secretName": "no", "optional": True}},
        {
            "configMap": {
                "name": "settings",
                "optional": True,
                "items": [{"key": "z", "path": "z"}],
            }
        },
        {"projected": {"sources": [{"configMap": {"name": "no", "optional": True}}]}},
    ],
)
def test_what_is_optional_may_be_missing(volume: dict[str, Any]) -> None:
    assert files(**volume) == {}


def test_the_downward_api_shows_fields_and_resources() -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "name", "fieldRef": {"fieldPath": "metadata.name"}, "mode": 0o600},
        {
            "path": "cpu",
            "resourceFieldRef": {
                "containerName": "main",
                "resource": "limits.cpu",
                "divisor": "1m",
            },
        },
    ]
    assert files(downwardAPI={"items": items}) == {
        "labels": File(b'app="greeter"'),
        "name": File(b"greeter", 0o600),
        "cpu": File(b"250"),
    }


def test_a_projected_volume_joins_its_sources() -> None:
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "a", "path": "a"}]}},
        {"secret": {"name": "login"}},
        {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"serviceAccountToken": {"path": "token", "audience": "api", "expirationSeconds": 600}},
    ]
    found = files(projected={"sources": sources, "defaultMode": 0o444})
    assert {path: file.content for path, file in found.items()} == {
        "a": b"1",
        "user": b"ada",
        "n": b"greeter",
        "token": b"a.b.c",
    }
    assert {file.mode for file in found.values()} == {0o444}


def test_an_unknown_projection_is_refused() -> None:
    with pytest.raises(VolumeError, match="does not know"):
        files(projected={"sources": [{"clusterTrustBundle": {"path": "x"}}]})


def test_needed_names_all_objects_and_tokens() -> None:
    volume = {
        "projected": {
            "sources": [
                {"configMap": {"name": "a"}},
                {"secret": {"name": "b"}},
                {"serviceAccountToken": {"path": "token"}},
            ]
        }
    }
    assert projections.needed(volume) == ({"a"}, {"b"})
    assert projections.needed_tokens(volume) == [{"path": "token"}]
    assert projections.needed({"secret": {"secretName": "s"}}) == (set(), {"s"})
    assert projections.needed({"configMap": {"name": "c"}}) == ({"c"}, set())
