from __future__ import annotations

import stat
from pathlib import Path

from choreo_local.embedded.kubelet.rootfilesystem import MachineRoot, Scratch


def modes(scratch: Scratch) -> dict[str, str]:
    found = sorted(scratch.written.rglob("*"))
    return {
        str(each.relative_to(scratch.written)): stat.filemode(each.stat().st_mode) for each in found
    }


def test_every_user_of_a_container_may_pass_the_folders_above_a_mount(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    scratch.fresh()
    root = MachineRoot([Path("/home/ann/.venv")], {"/app": Path("/srv/app")})
    scratch.open_ways(root, ["/var/lib/data", "/tmp/cache/here", "/var/lib/data/below"])
    assert modes(scratch) == {
        "home": "drwxr-xr-x",
        "home/ann": "drwxr-xr-x",
        "tmp": "drwxrwxrwt",
        "tmp/cache": "drwxr-xr-x",
        "var": "drwxr-xr-x",
        "var/lib": "drwxr-xr-x",
        "var/lib/data": "drwxr-xr-x",
    }


def test_nothing_is_made_outside_nor_where_the_machine_has_links(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path / "scratch")
    scratch.fresh()
    scratch.open_ways(MachineRoot(), ["/../../outside/x", "/lib/modules/x", "data", "/"])
    assert modes(scratch) == {"outside": "drwxr-xr-x"}
    assert not (tmp_path / "outside").exists()
