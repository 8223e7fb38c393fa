"""Control groups: where they are, and what is written to them."""

from __future__ import annotations

from pathlib import Path

from choreo_local.embedded.kubelet import controlgroups, hierarchies
from choreo_local.embedded.kubelet.controlgroups import Group

MOUNTS = """\
proc /proc proc rw,relatime 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""


def test_hierarchies_are_read_from_the_mounts() -> None:
    assert hierarchies.parse(MOUNTS) == [
        (Path("/sys/fs/cgroup/cpu,cpuacct"), False, {"rw", "cpu", "cpuacct"}),
        (Path("/sys/fs/cgroup/unified"), True, {"rw", "relatime"}),
    ]


def test_limits_are_written_in_the_words_of_each_version() -> None:
    limits = {"limits": {"cpu": "250m", "memory": "64Mi"}}
    assert list(controlgroups.settings(limits, is_unified=False)) == [
        ("memory", "memory.limit_in_bytes", "67108864"),
        ("cpu", "cpu.cfs_period_us", "100000"),
        ("cpu", "cpu.cfs_quota_us", "25000"),
    ]
    assert list(controlgroups.settings(limits, is_unified=True)) == [
        ("memory", "memory.max", "67108864"),
        ("cpu", "cpu.max", "25000 100000"),
    ]
    assert list(controlgroups.settings({}, is_unified=True)) == []


def test_lack_of_memory_is_read_from_the_counts_of_the_kernel(tmp_path: Path) -> None:
    group = Group({"memory": tmp_path}, is_unified=True)
    assert not group.lacked_memory()
    (tmp_path / "memory.events").write_text("low 0\noom 3\noom_kill 1\n", encoding="ascii")
    assert group.lacked_memory()
    old = Group({"memory": tmp_path}, is_unified=False)
    (tmp_path / "memory.oom_control").write_text("under_oom 0\noom_kill 0\n", encoding="ascii")
    assert not old.lacked_memory()


def test_a_program_enters_each_hierarchy_once() -> None:
    group = Group({"cpu": Path("/a"), "memory": Path("/a"), "pids": Path("/b")}, is_unified=False)
    assert group.enter[3:] == ["sh", "2", "/a", "/b"]


def test_groups_in_use_stay(tmp_path: Path) -> None:
    group = Group({"cpu": tmp_path / "g"}, is_unified=True)
    assert group.remove()
    (tmp_path / "g").mkdir()
    (tmp_path / "g" / "child").mkdir()
    assert not group.remove()
    (tmp_path / "g" / "child").rmdir()
    assert group.remove()
    assert not (tmp_path / "g").exists()


def test_processors_are_limited_when_a_program_has_begun(tmp_path: Path) -> None:
    group = Group({"cpu": tmp_path, "memory": tmp_path}, is_unified=True)
    wanted = {"limits": {"cpu": "100m", "memory": "64Mi"}}
    group.limit(wanted, ["memory"])
    assert {each.name for each in tmp_path.iterdir()} == {"memory.max"}
    group.limit(wanted, ["cpu"])
    assert (tmp_path / "cpu.max").read_text() == "10000 100000"


def test_a_group_that_has_gone_is_not_limited(tmp_path: Path) -> None:
    Group({"cpu": tmp_path / "gone"}, is_unified=True).limit({"limits": {"cpu": "1"}}, ["cpu"])
    assert not (tmp_path / "gone").exists()
