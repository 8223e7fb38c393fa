"""Commands that look at instances, where none of them answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from choreo_local.allinone import credentials
from choreo_local.allinone import instance as instances
from choreo_local.paths import InstancePaths
from tests.cli.conftest import Choreo


def recorded(name: str, state: str) -> InstancePaths:
    """An instance that this process seems to run, or that has stopped."""
    paths = InstancePaths.of(name)
    instances.ensure_folder(paths)
    record = instances.running(instances.new(name), state=state, ports={"api": 8123})
    instances.save(paths, record if state != "stopped" else instances.stopped(record))
    credentials.ensure(paths)
    return paths


def test_an_instance_that_was_never_started_is_absent(choreo: Choreo) -> None:
    printed = choreo("status")
    assert printed.code == 1
    assert printed.out == 'Instance "default" is absent. Start it: choreo up\n'
    assert json.loads(choreo("status", "-o", "json").out) == {
        "instance": "default",
        "state": "absent",
    }


def test_a_stopped_instance_is_told_with_how_to_start_it(choreo: Choreo) -> None:
    recorded("lab", "stopped")
    printed = choreo("--instance", "lab", "status")
    assert printed.code == 1
    assert printed.out == 'Instance "lab" is stopped. Start it: choreo --instance lab up\n'


def test_a_starting_instance_is_not_asked_yet(choreo: Choreo) -> None:
    recorded("default", "starting")
    printed = choreo("status")
    assert printed.code == 1
    assert "is starting (pid" in printed.out
    assert json.loads(choreo("status", "-o", "json").out)["state"] == "starting"


def test_a_killed_instance_does_not_seem_to_start_for_ever(choreo: Choreo) -> None:
    paths = recorded("default", "starting")
    content = json.loads(paths.instance_file.read_text())
    paths.instance_file.write_text(json.dumps({**content, "process_started": 1.0}))
    assert "is stopped" in choreo("status").out


def test_all_instances_are_listed_even_one_that_cannot_be_read(choreo: Choreo) -> None:
    recorded("lab", "ready")
    recorded("old", "stopped")
    recorded("broken", "stopped").instance_file.write_text("{")

    printed = choreo("list")

    assert printed.code == 0
    assert [line.split()[:2] for line in printed.out.splitlines()] == [
        ["NAME", "STATE"],
        ["broken", "unreadable"],
        ["lab", "ready"],
        ["old", "stopped"],
    ]
    assert "broken" in printed.err
    assert choreo("list", "-o", "name").out.split() == ["broken", "lab", "old"]
    rows = json.loads(choreo("list", "-o", "json").out)
    assert [row["api"] for row in rows] == [0, 8123, 8123]


def test_no_instances_are_an_empty_list(choreo: Choreo) -> None:
    assert json.loads(choreo("list", "-o", "json").out) == []


def test_a_kubeconfig_that_is_not_there_is_said(choreo: Choreo) -> None:
    printed = choreo("kubeconfig")
    assert printed.code == 1
    assert "fix: Start it: choreo up" in printed.err
    paths = recorded("default", "ready")
    paths.kubeconfig.write_text("")
    assert choreo("kubeconfig").out == f"{paths.kubeconfig}\n"


NASTY = "a b'c\"$(x)`y`\\;&"


@pytest.mark.parametrize(
    ("shell", "program"), [("sh", "sh"), ("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")]
)
def test_exports_reach_the_shell_as_they_are(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shell: str, program: str
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    monkeypatch.setenv("CHOREO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CHOREO_TOKEN", NASTY)
    exports = choreo("env", "--shell", shell)
    assert exports.code == 0
    script = f"{exports.out}\nprintenv CHOREO_TOKEN CHOREO_API_URL KUBECONFIG"
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    shown = subprocess.run(
        [program, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    kubeconfig = InstancePaths.of("default").kubeconfig
    assert shown.stdout.splitlines() == [NASTY, "http://127.0.0.1:9", str(kubeconfig)]


def test_powershell_gets_quoted_words(choreo: Choreo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHOREO_API_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("CHOREO_TOKEN", "it's")
    assert "$env:CHOREO_TOKEN = 'it''s'\n" in choreo("env", "--shell", "powershell").out


def test_versions_are_data(choreo: Choreo) -> None:
    facts = json.loads(choreo("version", "-o", "json").out)
    assert facts["server"] == "not connected"
    assert set(facts) == {"choreo", "openchoreo", "python", "platform", "server"}


def test_the_doctor_names_every_check_with_a_fix_for_what_is_wrong(choreo: Choreo) -> None:
    rows = json.loads(choreo("doctor", "-o", "json").out)
    assert {row["level"] for row in rows} <= {"ok", "note", "problem"}
    assert all(row["fix"] for row in rows if row["level"] == "problem")


def test_the_doctor_fails_where_the_platform_cannot_run(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("CHOREO_HOME", str(file / "below"))
    printed = choreo("doctor")
    assert printed.code == 1
    assert "✗ state" in printed.out
    assert "fix: Choose another place: export CHOREO_HOME=DIRECTORY" in printed.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_our_command(choreo: Choreo, shell: str) -> None:
    assert "_CHOREO_COMPLETE" in choreo("completion", shell).out


def test_files_of_another_user_are_said_with_another_place(
    choreo: Choreo, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded("default", "ready")

    def forbidden(path: Path, **options: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", forbidden)
    for command in ("status", "kubeconfig", "down"):
        printed = choreo(command)
        assert printed.code == 1
        assert "instance.json: Permission denied" in printed.err
        assert "CHOREO_HOME" in printed.err
