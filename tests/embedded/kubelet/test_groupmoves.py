"""The wait of processes that enter a control group, ahead of time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import groupmoves
from choreo_local.embedded.kubelet.groupmoves import GroupMoves, own_group
from choreo_local.embedded.kubelet.hierarchies import CONTROLLERS, Hierarchies

_SEPARATE = "cgroup /cg/cpu cgroup rw,cpu 0 0\ncgroup /cg/pids cgroup rw,pids 0 0\n"
_UNIFIED = "cgroup2 /cg/unified cgroup2 rw 0 0\n"


def separate(below: str = "") -> Hierarchies:
    return Hierarchies({name: Path("/cg", name, below) for name in CONTROLLERS}, is_unified=False)


def unified(folder: Path) -> Hierarchies:
    return Hierarchies(dict.fromkeys(CONTROLLERS, folder), is_unified=True)


@pytest.mark.parametrize(
    ("places", "own", "found"),
    [
        (separate(), "3:pids:/user/a:b\n2:cpu:/\n0::/x\n", "/cg/pids/user/a:b"),
        (separate(), "3:pids:/\n2:cpu:/y\n", "/cg/pids"),
        (separate("given"), "3:pids:/given\n2:cpu:/given\n", "/cg/pids/given"),
        (unified(Path("/cg/unified")), "3:pids:/z\n0::/x\n", "/cg/unified/x"),
        (
            unified(Path("/cg/unified/x")),
            "0::/x/choreo/platform\n",
            "/cg/unified/x/choreo/platform",
        ),
    ],
)
def test_a_process_finds_its_group(places: Hierarchies, own: str, found: str) -> None:
    assert own_group(places, _SEPARATE + _UNIFIED, own) == Path(found)


def test_a_hierarchy_that_is_not_mounted_has_none() -> None:
    assert own_group(separate(), _UNIFIED, "0::/\n") is None
    assert own_group(unified(Path("/elsewhere")), _UNIFIED, "0::/\n") is None


async def test_this_process_is_moved_to_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, mounts = tmp_path / "own", tmp_path / "mounts"
    own.write_text("0::/here\n", encoding="ascii")
    mounts.write_text(f"cgroup2 {tmp_path} cgroup2 rw 0 0\n", encoding="ascii")
    monkeypatch.setattr(groupmoves, "_OWN", own)
    monkeypatch.setattr(groupmoves, "_MOUNTS", mounts)
    (tmp_path / "here").mkdir()
    monkeypatch.setattr("os.getpid", lambda: 4711)
    moves = GroupMoves(unified(tmp_path))
    moves.prepare()
    moves.prepare()
    assert moves._waiting is not None
    async with asyncio.timeout(60):
        await moves._waiting
    assert (tmp_path / "here" / "cgroup.procs").read_text(encoding="ascii") == "4711"


async def test_where_it_is_forbidden_nothing_happens(tmp_path: Path) -> None:
    moves = GroupMoves(unified(tmp_path / "nowhere"))
    moves.prepare()
    assert moves._waiting is not None
    async with asyncio.timeout(60):
        await moves._waiting
