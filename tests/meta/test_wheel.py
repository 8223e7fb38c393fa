"""The wheel: it holds everything that the platform needs, and nothing else, and runs on its own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.e2e.user import User, ask
from tests.meta.sizes import ROOT

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of this checkout."""
    pytest.importorskip("hatchling", reason="hatchling builds the wheel, and is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


def information(wheel: zipfile.ZipFile, name: str) -> str:
    """A file of the wheel's own information."""
    (found,) = (path for path in wheel.namelist() if path.endswith(f".dist-info/{name}"))
    return wheel.read(found).decode()


def test_every_file_of_the_bundles_is_in_it(wheel: zipfile.ZipFile) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "bundles"], cwd=ROOT, capture_output=True, check=False
    )
    names = [name for name in listed.stdout.decode().split("\0") if (ROOT / name).is_file()]
    if not names:
        pytest.skip("this is no git checkout")
    for name in names:
        inside = f"choreo_local/_bundles/{Path(name).relative_to('bundles').as_posix()}"
        assert wheel.read(inside) == (ROOT / name).read_bytes()


def test_every_module_and_style_sheet_is_in_it(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    for package in ("choreo_local", "tui"):
        for pattern in ("*.py", "*.tcss", "py.typed"):
            for file in (ROOT / package).rglob(pattern):
                assert file.relative_to(ROOT).as_posix() in inside


def test_nothing_else_is_in_it(wheel: zipfile.ZipFile) -> None:
    for name in wheel.namelist():
        assert name.split("/")[0] in ("choreo_local", "tui") or ".dist-info/" in name
        assert "__pycache__" not in name
        assert not name.endswith((".pyc", ".db", ".log"))


def test_it_installs_two_commands_and_says_what_it_needs(wheel: zipfile.ZipFile) -> None:
    commands = ConfigParser()
    commands.read_string(information(wheel, "entry_points.txt"))
    assert dict(commands["console_scripts"]) == {
        "choreo": "choreo_local.cli.main:main",
        "choreo-tui": "tui.__main__:main",
    }
    metadata = information(wheel, "METADATA")
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert information(wheel, "licenses/LICENSE")


@pytest.mark.e2e
def test_the_platform_runs_from_it_outside_of_the_checkout(
    wheel: zipfile.ZipFile, user: User, tmp_path: Path
) -> None:
    installed = tmp_path / "installed"
    wheel.extractall(installed)
    user.extra["PYTHONPATH"] = str(installed)
    command = (sys.executable, "-P", "-m", "choreo_local")

    where = user.types(
        sys.executable,
        "-P",
        "-c",
        "from choreo_local.allinone import bundles as b; print(b.root())",
    )
    assert where.out.strip() == str(installed / "choreo_local" / "_bundles")

    shown = user.types(*command, "up", "--demo", "--no-tui")
    assert shown.code == 0, shown.err + user.last_log()
    assert ask(shown.out.strip()).status == 200
    assert user.types(*command, "down", "--purge", "--yes").code == 0
    assert not user.folder.exists()
