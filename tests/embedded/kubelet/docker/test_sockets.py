"""Where engines are looked for, and what they are asked; a small server stands for an engine."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet.docker import leftovers, sockets
from choreo_local.embedded.kubelet.docker.engine import Engine, EngineError
from choreo_local.embedded.kubelet.docker.sockets import EngineFacts, Refused
from choreo_local.errors import PreflightError, UsageError

VERSION = {
    "ApiVersion": "1.43",
    "Os": "linux",
    "KernelVersion": os.uname().release,
    "Version": "24.0",
    "Components": [{"Name": "Engine"}],
}


@contextmanager
def answering(path: Path, answers: Mapping[str, tuple[int, Any]]) -> Iterator[list[str]]:
    """Serve fixed answers at a socket; the requests that came."""
    asked: list[str] = []
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def serve() -> None:
        while True:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            with caller:
                first = caller.recv(65536).decode().split("\r\n")[0]
                asked.append(first.removesuffix(" HTTP/1.1"))
                status, body = answers.get(asked[-1], (404, {"message": "page not found"}))
                content = json.dumps(body).encode() if not isinstance(body, bytes) else body
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n"
                caller.sendall(head.encode() + b"Connection: close\r\n\r\n" + content)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asked
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def facts(path: Path) -> EngineFacts:
    return EngineFacts(path, "docker", "24.0", "1.43")


def test_the_environment_names_the_only_place() -> None:
    assert list(sockets.candidates({"DOCKER_HOST": "unix:///x/y.sock"})) == [Path("/x/y.sock")]
    for named in ("tcp://127.0.0.1:2375", "ssh://box", "unix://relative", "/x/y.sock"):
        with pytest.raises(UsageError, match="files and networks of this machine"):
            list(sockets.candidates({"DOCKER_HOST": named}))


def test_personal_engines_come_after_the_usual_one() -> None:
    assert [str(each) for each in sockets.candidates({"XDG_RUNTIME_DIR": "/run/user/7"})] == [
        "/var/run/docker.sock",
        "/run/user/7/docker.sock",
        "/run/user/7/podman/podman.sock",
        "/run/podman/podman.sock",
    ]


def test_an_engine_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with answering(path, {"GET /version": (200, VERSION)}):
        found = sockets.find({"DOCKER_HOST": f"unix://{path}"})
    assert found == EngineFacts(path, "docker", "24.0", "1.43")


@pytest.mark.parametrize(
    ("changed", "name", "api", "obstacle"),
    [
        ({"Components": [{"Name": "Podman Engine"}]}, "podman", "1.43", ""),
        ({"ApiVersion": "1.99"}, "docker", "1.47", ""),
        ({"ApiVersion": "1.40"}, "docker", "1.40", "its interface 1.40 is too old"),
        ({"KernelVersion": "5.0-vm"}, "docker", "1.43", "on another machine"),
    ],
)
def test_engines_differ(
    changed: dict[str, Any], name: str, api: str, obstacle: str, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    with answering(path, {"GET /version": (200, VERSION | changed)}):
        found = sockets.ask(path)
    assert (found.name, found.api) == (name, api)
    assert obstacle in found.obstacle
    assert bool(obstacle) == bool(found.obstacle)


def test_what_is_no_engine_is_said_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "s"
    where = {"DOCKER_HOST": f"unix://{path}"}
    with pytest.raises(PreflightError, match="does not exist") as caught:
        sockets.find(where)
    assert "DOCKER_HOST" in caught.value.remedy
    with (
        answering(path, {"GET /version": (200, b"hello")}),
        pytest.raises(PreflightError, match="does not speak the interface of Docker"),
    ):
        sockets.find(where)
    with pytest.raises(PreflightError, match="refused"):
        sockets.find(where)


async def test_refusals_carry_the_words_of_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "s"
    answers = {
        "POST /v1.43/containers/x/start": (500, {"message": "no such\n  program"}),
        "DELETE /v1.43/containers/gone?force=1&v=1": (404, {"message": "No such container"}),
        "DELETE /v1.43/containers/busy?force=1&v=1": (409, {"message": "already in progress"}),
        "POST /v1.43/exec/e/start": (409, {"message": "container is not running"}),
    }
    engine = Engine(facts(path))
    with answering(path, answers):
        with pytest.raises(EngineError, match="no such program") as caught:
            await engine.post("/containers/x/start")
        assert caught.value.status == 500
        await engine.remove_container("gone")
        await engine.remove_container("busy")
        with pytest.raises(EngineError, match="container is not running"):
            await engine.hijack("/exec/e/start", None, {"Tty": False})
    with pytest.raises(EngineError, match="did not answer"):
        await engine.get("/info")
    with pytest.raises(EngineError, match="did not answer"):
        await engine.hijack("/exec/e/start")
    await engine.close()


def test_leftovers_are_removed_where_the_note_says(tmp_path: Path) -> None:
    folder, path = tmp_path / "pods", tmp_path / "s"
    assert leftovers.clear(folder, "mine", with_images=True) == 0
    leftovers.note(folder, path)
    with pytest.raises(PreflightError, match="cannot remove what the container engine") as caught:
        leftovers.clear(folder, "mine", with_images=False)
    assert f"rm {folder / 'engine'}" in caught.value.remedy
    filters = "%7B%22label%22%3A%5B%22choreo.local/instance%3Dmine%22%5D%7D"
    listed = [
        {"Id": "holder", "Labels": {"choreo.local/container": ""}},
        {"Id": "main", "Labels": {"choreo.local/container": "main"}},
    ]
    answers = {
        f"GET /containers/json?all=1&filters={filters}": (200, listed),
        "DELETE /containers/main?force=1&v=1": (204, b""),
    }
    with answering(path, answers) as asked:
        assert leftovers.clear(folder, "mine", with_images=False) == 2
    # Some engines refuse to remove what others still share; what has gone already is no failure.
    assert [each.split("?")[0] for each in asked[1:]] == [
        "DELETE /containers/main",
        "DELETE /containers/holder",
    ]


def test_what_an_engine_refuses_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with answering(path, {"GET /x": (500, {"message": "broken"})}):
        with pytest.raises(Refused, match="broken"):
            sockets.request(path, "GET", "/x")
        with pytest.raises(Refused) as caught:
            sockets.request(path, "GET", "/y")
    assert caught.value.is_missing
