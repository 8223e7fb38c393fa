"""Tokens of an instance: made once, kept, and made anew where they were damaged."""

from __future__ import annotations

import json
import stat

import pytest

from choreo_local.allinone import credentials
from choreo_local.paths import InstancePaths

PLANES = {"control-plane", "data-plane", "workflow-plane", "observability-plane"}


def test_tokens_are_made_once_and_kept(paths: InstancePaths) -> None:
    first = credentials.ensure(paths)
    assert credentials.ensure(paths) == first
    assert set(first.planes) == PLANES
    assert len({first.owner, *first.planes.values()}) == 5
    for file in (paths.token, paths.pki / "planes.json"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_each_plane_is_a_user_of_its_own() -> None:
    found = credentials.Credentials("owner", {"data-plane": "d", "control-plane": "c"})
    assert found.users() == {"d": ("choreo:data-plane", ()), "c": ("choreo:control-plane", ())}


def test_tokens_are_not_shown() -> None:
    assert "secret" not in repr(credentials.Credentials("secret", {"data-plane": "secret"}))


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe\xfd"])
def test_a_damaged_owner_token_is_made_anew(paths: InstancePaths, content: bytes) -> None:
    before = credentials.ensure(paths)
    paths.token.write_bytes(content)

    after = credentials.ensure(paths)

    assert len(after.owner) > 30
    assert after.owner != before.owner
    assert after.planes == before.planes


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"\xff",
        b'{"control-plane": 7, "data-plane": "", "workflow-plane": null}',
        b'{"control-plane": {"a": 1}}',
    ],
)
def test_damaged_plane_tokens_are_made_anew(paths: InstancePaths, content: bytes) -> None:
    before = credentials.ensure(paths)
    file = paths.pki / "planes.json"
    file.write_bytes(content)

    after = credentials.ensure(paths)

    assert after.owner == before.owner
    assert set(after.planes) == PLANES
    assert all(len(token) > 30 for token in after.planes.values())
    assert json.loads(file.read_text()) == after.planes


def test_one_missing_plane_does_not_change_the_others(paths: InstancePaths) -> None:
    before = credentials.ensure(paths).planes
    file = paths.pki / "planes.json"
    kept = {plane: token for plane, token in before.items() if plane != "workflow-plane"}
    file.write_text(json.dumps(kept))

    after = credentials.ensure(paths).planes

    assert {plane: after[plane] for plane in kept} == kept
    assert after["workflow-plane"] != before["workflow-plane"]
