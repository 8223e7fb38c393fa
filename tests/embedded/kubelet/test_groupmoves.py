"""The wait of processes that enter a control group, ahead of time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import groupmoves
from choreo_local.embedded.kubelet.groupmoves import GroupMoves, own_group


def test_a_process_finds_its_group_in_every_kind_of_hierarchy() -> None:
    separate = "5:cpu,cpuacct:/\n3:pids:/user.slice/a:b\n1:name=systemd:/init\n0::/unified\n"
    assert own_group(Path("/cg/pids"), separate) == Path("/cg/pids/user.slice/a:b")
    assert own_group(Path("/cg/cpu"), separate) == Path("/cg/cpu")
    assert own_group(Path("/sys/fs/cgroup"), "0::/app.slice/x\n") == Path(
        "/sys/fs/cgroup/app.slice/x"
    )


async def test_this_process_is_moved_to_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.write_text("0::/here\n", encoding="ascii")
    monkeypatch.setattr(groupmoves, "_OWN", own)
    (tmp_path / "here").mkdir()
    monkeypatch.setattr("os.getpid", lambda: 4711)
    moves = GroupMoves(tmp_path)
    moves.prepare()
    moves.prepare()
    assert moves._waiting is not None
    async with asyncio.timeout(60):
        await moves._waiting
    assert (tmp_path / "here" / "cgroup.procs").read_text(encoding="ascii") == "4711"


async def test_where_it_is_forbidden_nothing_happens(tmp_path: Path) -> None:
    moves = GroupMoves(tmp_path / "nowhere")
    moves.prepare()
    assert moves._waiting is not None
    async with asyncio.timeout(60):
        await moves._waiting
