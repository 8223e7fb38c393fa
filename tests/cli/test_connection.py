"""How commands find the platform."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local.allinone import instance as instances
from choreo_local.cli import connection
from choreo_local.errors import UnreachableError
from choreo_local.paths import InstancePaths
from tests.cli.conftest import Choreo


def test_what_to_type_names_the_instance_unless_it_is_the_usual_one() -> None:
    assert connection.command("default", "up") == "choreo up"
    assert connection.command("lab", "up") == "choreo --instance lab up"


def test_an_instance_that_does_not_run_is_said_with_how_to_start_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHOREO_HOME", str(tmp_path))
    with pytest.raises(UnreachableError, match='"lab" does not run') as failed:
        connection.running("lab")
    assert failed.value.remedy == "Start it: choreo --instance lab up"

    paths = InstancePaths.of("lab")
    instances.ensure_folder(paths)
    instances.save(paths, instances.new("lab"))
    with pytest.raises(UnreachableError):
        connection.running("lab")

    instances.save(paths, instances.running(instances.new("lab"), state="ready"))
    assert connection.running("lab").state == "ready"


def test_the_environment_may_name_another_api(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHOREO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CHOREO_TOKEN", "x")
    assert "http://127.0.0.1:9" in choreo("env").out
    # Who names an instance means that one, whatever the shell exports.
    printed = choreo("--instance", "lab", "env")
    assert printed.code == 1
    assert 'cannot reach instance "lab"' in printed.err


def test_nobody_answering_is_said_with_words(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHOREO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CHOREO_TOKEN", "x")
    printed = choreo("get", "components")
    assert printed.code == 1
    assert "127.0.0.1:9" in printed.err
    assert "Traceback" not in printed.err
