"""Measures a start, and how fast a change reaches its users, on an instance of its own."""

from __future__ import annotations

import http.client
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from choreo_local.allinone import demo, interpreter
from choreo_local.allinone import instance as instances
from choreo_local.allinone.figures import Figure
from choreo_local.errors import ChoreoError, WaitTimeoutError
from choreo_local.paths import InstancePaths

_POLL_SECONDS = 0.001
_WAIT_SECONDS = 30.0
_WORKLOAD = """
apiVersion: openchoreo.dev/v1alpha1
kind: Workload
metadata: {{name: greeter, namespace: default}}
spec:
  owner: {{projectName: default, componentName: greeter}}
  container:
    image: choreo.local/greeter:1.0
    env: [{{key: GREETING, value: "{word}"}}]
  endpoints:
    http: {{type: HTTP, port: 9090, visibility: [external]}}
"""


def measure_up(
    *, starts: int, changes: int, say: Callable[[str], None], runtime: str = "auto"
) -> list[Figure]:
    """The first four figures of the design's table.

    Args:
        starts: samples of each kind of start.
        changes: samples of a change, and of a promotion.
        say: told what is being measured.
        runtime: how pods are kept apart.
    """
    first = Figure("up --demo, fresh state → first HTTP 200", "≤ 3000 ms")
    second = Figure("the same, second start", "≤ 1500 ms")
    changed = Figure("manifest applied → new version answers", "p50 ≤ 150, p99 ≤ 500 ms")
    promoted = Figure("promotion → new environment answers", "p50 ≤ 250 ms")
    with bench_home() as bench:
        for number in range(starts):
            say(f"start {number + 1} of {starts}")
            bench.choreo("down", "--purge", "--yes")
            first.samples.append(bench.timed("up", "--demo", "--no-tui", "--runtime", runtime))
            bench.choreo("down")
            second.samples.append(bench.timed("up", "--no-tui"))
        for number in range(changes):
            say(f"change {number + 1} of {changes}")
            word = f"Hello-{number}"
            changed.samples.append(bench.change(word))
            promoted.samples.append(bench.promote(word))
    return [first, second, changed, promoted]


@contextmanager
def bench_home() -> Iterator[Bench]:
    """A home for one instance, gone in the end."""
    with tempfile.TemporaryDirectory(prefix="choreo-bench-") as folder:
        bench = Bench(Path(folder))
        try:
            yield bench
        finally:
            bench.choreo("down", "--purge", "--yes")


class Bench:
    """The commands of one instance in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        # What a shell exports for an instance of its own would lead the commands there.
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CHOREO_")}
        self._environment = {**kept, "CHOREO_HOME": str(home)}

    def choreo(self, *arguments: str, text: str | None = None) -> None:
        """Run a choreo command; ChoreoError with what it said when it fails."""
        done = subprocess.run(
            interpreter.module("choreo_local", *arguments),
            env=self._environment,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ChoreoError(f"choreo {' '.join(arguments)} failed: {done.stderr.strip()}")

    def timed(self, *arguments: str) -> float:
        """Milliseconds of a command, from its start to its end."""
        began = time.perf_counter()
        self.choreo(*arguments)
        return (time.perf_counter() - began) * 1e3

    def change(self, word: str) -> float:
        """Milliseconds from an acknowledged apply to the first new answer in development."""
        self.choreo("apply", "-f", "-", text=_WORKLOAD.format(word=word))
        return self._until(demo.HOST, word, time.perf_counter())

    def promote(self, word: str) -> float:
        """Milliseconds from an acknowledged promotion to the first new answer in staging."""
        self.choreo("promote", "greeter", "--to", "staging", "--yes")
        return self._until(demo.HOST.replace("development", "staging"), word, time.perf_counter())

    def _until(self, host: str, word: str, began: float) -> float:
        record = instances.load(InstancePaths.of("default", self.home))
        assert record is not None
        port = record.ports["gateway"]
        deadline = began + _WAIT_SECONDS
        while time.perf_counter() < deadline:
            if word in _answer(host, port):
                return (time.perf_counter() - began) * 1e3
            time.sleep(_POLL_SECONDS)
        raise WaitTimeoutError(f"{host} did not answer with {word} in {_WAIT_SECONDS:.0f} s")


def _answer(host: str, port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        path = f"{demo.PATH}/greeter/greet?name=bench"
        connection.request("GET", path, headers={"Host": f"{host}:{port}"})
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
