"""kill -9 at any moment: nothing acknowledged is lost, nothing is left that `up` does not mend."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import pytest

from choreo_local.paths import InstancePaths
from tests.e2e.user import User, ask, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

KILLS = 20


class SocketConnection(HTTPConnection):
    """HTTP over the kube API's unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("kube", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(5)
        self.sock.connect(str(self._path))


class Writer:
    """Creates ConfigMaps as fast as they are acknowledged, and remembers those that were."""

    def __init__(self, path: Path) -> None:
        self.acknowledged: set[str] = set()
        self._path = path
        self._stop = threading.Event()
        self._count = 0
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(0.01):
            try:
                self._write()
            except (OSError, HTTPException, ValueError):
                continue

    def _write(self) -> None:
        self._count += 1
        name = f"written-{self._count}"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        connection = SocketConnection(self._path)
        try:
            connection.request(
                "POST",
                "/api/v1/namespaces/default/configmaps",
                body=json.dumps(body),
                headers={"Content-Type": "application/json"},
            )
            if connection.getresponse().status == 201:
                self.acknowledged.add(name)
        finally:
            connection.close()


def kill(user: User) -> bool:
    """End the instance's process without warning; whether there was one."""
    try:
        pid = int(user.record()["pid"])
        os.kill(pid, signal.SIGKILL)
        psutil.Process(pid).wait(5)
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess, ValueError):
        return False
    return True


def strangers(user: User) -> list[psutil.Process]:
    """Marked processes that do not descend from the running instance."""
    record = user.record()
    found = []
    for process in user.children(record["id"]):
        try:
            ancestors = {parent.pid for parent in process.parents()}
        except psutil.NoSuchProcess:
            continue
        if record["pid"] not in ancestors:
            found.append(process)
    return found


def test_killed_twenty_times_it_comes_back_whole(user: User) -> None:
    dice = random.Random(20261121)
    user.choreo("up", "--demo", "--no-tui")
    writer = Writer(InstancePaths(user.folder).socket("kube"))
    try:
        killed = 0
        while killed < KILLS:
            time.sleep(dice.uniform(0, 1.0))
            killed += kill(user)
            starting = subprocess.Popen(
                [str(user.program("choreo")), "up", "--no-tui"],
                env=user.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if dice.random() < 0.5:
                # In the middle of the start.
                time.sleep(dice.uniform(0.2, 3.0))
                killed += kill(user)
            starting.wait(120)
        user.choreo("up", "--no-tui")
    finally:
        writer.stop()

    stored = set(user.kubectl("get", "configmaps", "-o", "name").split())
    lost = {f"configmap/{name}" for name in writer.acknowledged} - stored
    assert len(writer.acknowledged) > KILLS
    assert lost == set()

    url = user.choreo("url", "greeter", "--env", "development")
    until(lambda: ask(url).status == 200, what="the demo answers after all that")
    assert strangers(user) == []

    record = user.record()
    user.choreo("down")
    assert user.children(record["id"]) == []
    for purpose, port in record["ports"].items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))  # would fail if somebody still listened
            assert purpose
