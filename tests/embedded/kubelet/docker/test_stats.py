"""What the kernel counts of a container."""

from __future__ import annotations

import os

from choreo_local.embedded.kubelet.docker import stats


def test_lines_of_both_versions_are_read() -> None:
    text = "12:cpu,cpuacct:/docker/abc\n5:memory:/docker/abc\n0::/init.scope\n"
    assert dict(stats.parse(text)) == {
        "cpu": "/docker/abc",
        "cpuacct": "/docker/abc",
        "memory": "/docker/abc",
        "": "/init.scope",
    }


def test_of_a_process_that_has_gone_nothing_is_known() -> None:
    assert stats.used(2**22 + os.getpid()) is None
