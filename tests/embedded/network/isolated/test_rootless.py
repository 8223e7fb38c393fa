"""The network of pods once more, made by a user without rights in a user namespace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from choreo_local.embedded import podruntime
from tests import unprivileged

pytestmark = pytest.mark.timeout(300)
_FOLDER = Path(__file__).parent
_PROJECT = Path(__file__).parents[4]
_RUN = """
import ctypes, sys, pytest
from choreo_local.embedded import usernamespace
usernamespace.enter()
if sys.argv[1] == "apart":
    sys.exit(ctypes.CDLL(None).unshare(0x40000000) or pytest.main(sys.argv[2:]))
sys.exit(pytest.main(sys.argv[2:]))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of that user's own."""
    with tempfile.TemporaryDirectory(prefix="choreo-rootless-") as name:
        if os.geteuid() == 0:
            os.chown(name, unprivileged.UID, unprivileged.UID)
        yield Path(name)


@pytest.mark.parametrize(
    ("file", "where"),
    # The matrix works with the router alone, from the network that it is linked to.
    [("test_matrix.py", "apart"), ("test_podnetwork.py", "here")],
)
def test_without_rights_the_network_is_the_same(file: str, where: str, place: Path) -> None:
    if podruntime.probe().tools is None:
        pytest.skip("no sandboxes on this machine")
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={place / 'tmp'}"]
    command = [sys.executable, "-B", "-c", _RUN, where, *options, str(_FOLDER / file)]
    if os.geteuid() == 0:
        if lacking := unprivileged.lacking():
            pytest.skip(lacking)
        command = unprivileged.command(*command)
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_PROJECT)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-1000:]
    assert re.search(r"\d+ passed", done.stdout)
    assert "skipped" not in done.stdout
