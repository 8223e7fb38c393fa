from __future__ import annotations

import json
from pathlib import Path

import pytest

from choreo_local.apiclient.login import TOKEN_VARIABLE, Access
from choreo_local.errors import ChoreoError, UnreachableError
from choreo_local.paths import InstancePaths
from tui.connection import ApiConnection


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InstancePaths:
    """A running instance, as its files tell."""
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path))
    found = InstancePaths.of("lab")
    found.root.mkdir(parents=True)
    write(found, port=18080, token="secret")
    return found


def write(paths: InstancePaths, *, port: int, token: str) -> None:
    paths.instance_file.write_text(json.dumps({"pid": 1, "ports": {"api": port}}))
    paths.token.write_text(token)


def test_instance_is_found_by_its_files(paths: InstancePaths) -> None:
    connection = ApiConnection("lab", environ={})
    assert connection.find() == Access("http://127.0.0.1:18080", "secret")
    assert connection.instance == "lab"


def test_address_wins_over_the_instance(paths: InstancePaths, tmp_path: Path) -> None:
    token = tmp_path / "other-token"
    token.write_text("other\n")
    connection = ApiConnection("lab", url="http://there:1", token_file=token, environ={})
    assert connection.find() == Access("http://there:1", "other")
    assert connection.instance == "", "another machine's instance has no name here"


def test_token_for_an_address_may_come_from_the_environment() -> None:
    connection = ApiConnection("lab", url="http://there:1", environ={TOKEN_VARIABLE: "t"})
    assert connection.find().token == "t"


def test_instance_that_does_not_run_says_how_to_start_it(paths: InstancePaths) -> None:
    paths.instance_file.unlink()
    with pytest.raises(UnreachableError) as caught:
        ApiConnection("lab", environ={}).find()
    assert caught.value.remedy == "Start it: choreo --instance lab up"


async def test_client_is_kept_while_the_instance_stays(paths: InstancePaths) -> None:
    connection = ApiConnection("lab", environ={})
    client = await connection.client()
    await connection.renew()
    assert await connection.client() is client
    await connection.close()


async def test_client_follows_an_instance_that_moved(paths: InstancePaths) -> None:
    connection = ApiConnection("lab", environ={})
    before = await connection.client()
    write(paths, port=18081, token="new")
    await connection.renew()
    after = await connection.client()
    assert after is not before
    assert getattr(after, "base_url", "") == "http://127.0.0.1:18081"
    await connection.close()


async def test_client_of_a_stopped_instance_fails_with_words(paths: InstancePaths) -> None:
    paths.token.unlink()
    with pytest.raises(ChoreoError, match="does not run"):
        await ApiConnection("lab", environ={}).client()
