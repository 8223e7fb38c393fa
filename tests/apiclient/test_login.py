"""Where an instance answers, and with which token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from choreo_local.apiclient import login
from choreo_local.errors import PreflightError, UnreachableError
from choreo_local.paths import InstancePaths


def _instance(root: Path, *, pid: int = 1, name: str = "default") -> InstancePaths:
    paths = InstancePaths.of(name, root)
    paths.root.mkdir(parents=True)
    paths.instance_file.write_text(json.dumps({"pid": pid, "ports": {"api": 8081}}))
    paths.token.write_text("secret\n")
    return paths


def test_a_running_instance_tells_its_address_and_token(tmp_path: Path) -> None:
    access = login.find(_instance(tmp_path), {})
    assert (access.url, access.token) == ("http://127.0.0.1:8081", "secret")
    assert "secret" not in repr(access)


def test_the_environment_goes_first(tmp_path: Path) -> None:
    environ = {"CHOREO_API_URL": "http://elsewhere:1", "CHOREO_TOKEN": "other"}
    access = login.find(InstancePaths.of("absent", tmp_path), environ)
    assert (access.url, access.token) == ("http://elsewhere:1", "other")


def test_an_instance_that_does_not_run_says_how_to_start_it(tmp_path: Path) -> None:
    stopped = _instance(tmp_path, pid=0, name="second")
    with pytest.raises(UnreachableError) as caught:
        login.find(stopped, {})
    assert caught.value.remedy == "Start it: choreo --instance second up"
    with pytest.raises(UnreachableError, match="does not run"):
        login.find(InstancePaths.of("absent", tmp_path), {})


def test_a_damaged_instance_file_is_said_in_words(tmp_path: Path) -> None:
    paths = _instance(tmp_path)
    paths.instance_file.write_text("[]")
    with pytest.raises(PreflightError, match=r"cannot read .*instance\.json"):
        login.find(paths, {})
