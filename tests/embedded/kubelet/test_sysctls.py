"""Settings of the network that pods ask for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from choreo_local.embedded.kubelet import sysctls
from choreo_local.embedded.kubelet.runtime import StartError


def test_names_are_written_with_dots() -> None:
    wanted = [{"name": "net/ipv4/tcp_fin_timeout", "value": "30"}, {"name": "a.b", "value": "1 2"}]
    assert sysctls.of_pod({"securityContext": {"sysctls": wanted}}) == {
        "net.ipv4.tcp_fin_timeout": "30",
        "a.b": "1 2",
    }
    assert sysctls.of_pod({}) == {}


def test_only_safe_ones_may_be_changed() -> None:
    sysctls.check(["net.ipv4.tcp_fin_timeout"])
    for name in ("kernel.core_pattern", "net.ipv4.ip_forward", "net.ipv4.../../../kernel.sem"):
        with pytest.raises(StartError, match="not allowlisted") as caught:
            sysctls.check([name])
        assert caught.value.reason == "SysctlForbidden"


@pytest.fixture
def enter() -> list[str]:
    command = ["unshare", "--net", "--"]
    try:
        done = subprocess.run([*command, "true"], check=False, capture_output=True)
    except OSError:
        pytest.skip("there is no program unshare")
    if done.returncode or os.geteuid():
        pytest.skip("network namespaces are made as root only")
    return command


async def test_they_are_of_the_pods_network_alone(enter: list[str], tmp_path: Path) -> None:
    place = Path("/proc/sys/net/ipv4/tcp_fin_timeout")
    before, seen = place.read_text(), tmp_path / "seen"
    # What follows the settings runs in the same network.
    script = f'"$@" && cat {place} > {seen}'
    await sysctls.write({"net.ipv4.tcp_fin_timeout": "31"}, [*enter, "sh", "-c", script, "sh"])
    assert (seen.read_text(), place.read_text()) == ("31\n", before)
    with pytest.raises(StartError, match="cannot change settings of the network"):
        await sysctls.write({"net.ipv4.tcp_fin_timeout": "many"}, enter)
