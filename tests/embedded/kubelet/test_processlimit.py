"""How many processes containers without control groups may have."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from choreo_local.embedded import podruntime
from choreo_local.embedded.kubelet import processlimit
from tests import unprivileged

MOST = 40
# Two containers of one user at a time, each of which makes processes until it must not.
_TWO = """
import subprocess, sys
from choreo_local.embedded import usernamespace
usernamespace.enter()
running = [subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True) for _ in range(2)]
for each in running:
    print(each.communicate(timeout=100)[0].strip())
"""
# Its processes end with the one that made them: they wait for the end of a pipe that it holds.
_BOMB = """
import os
waiting, held = os.pipe()
made = 0
try:
    while made < 200:
        if not os.fork():
            os.close(held)
            os.read(waiting, 1)
            os._exit(0)
        made += 1
except BlockingIOError:
    print("refused after", made, flush=True)
"""


def test_each_container_has_its_own_limit() -> None:
    if podruntime.probe().tools is None:
        pytest.skip("no sandboxes on this machine")
    limit = processlimit.find(MOST, path=os.defpath + ":/usr/sbin:/sbin")
    if limit.obstacle:
        pytest.skip(limit.obstacle)
    if lacking := unprivileged.lacking():
        pytest.skip(lacking)
    bubblewrap = [str(podruntime.find_bubblewrap()), "--unshare-user", "--unshare-pid"]
    confined = [*bubblewrap, "--uid", "1000", "--ro-bind", "/", "/", "--proc", "/proc"]
    bomb = [*limit.enter, *confined, sys.executable, "-I", "-S", "-c", _BOMB]
    command = unprivileged.command(sys.executable, "-P", "-c", _TWO, *bomb)
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    told = done.stdout.splitlines()
    assert len(told) == 2, done.stderr
    for line in told:
        words, _, made = line.rpartition(" ")
        assert words == "refused after"
        # Bubblewrap's own processes count as well.
        assert MOST - 5 <= int(made) < MOST


def test_old_kernels_count_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "5.10.0-28-amd64")
    found = processlimit.find(MOST, path=os.defpath)
    assert found.enter == ()
    assert "5.10" in found.obstacle
    monkeypatch.setattr("platform.release", lambda: "odd")
    assert processlimit.find(MOST, path=os.defpath).obstacle


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "6.1.0")
    found = processlimit.find(MOST, path="/nowhere")
    assert found.enter == ()
    assert found.obstacle == "this machine lacks unshare (package util-linux)"
