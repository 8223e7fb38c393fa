"""Waiting for the demo's first answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from choreo_local.allinone import demo
from choreo_local.errors import WaitTimeoutError


class Gateway(HTTPServer):
    """A gateway that knows the way only after some requests."""

    not_yet = 3
    hosts: list[str]


class _Answers(BaseHTTPRequestHandler):
    server: Gateway

    def do_GET(self) -> None:
        self.server.hosts.append(self.headers["Host"])
        self.server.not_yet -= 1
        self.send_response(200 if self.path == demo.PATH and self.server.not_yet < 0 else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway(("127.0.0.1", 0), _Answers) as server:
        server.hosts = []
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


def test_the_first_200_ends_the_wait(gateway: Gateway) -> None:
    demo.wait_until_answering(gateway.server_port, timeout_seconds=30)
    assert gateway.hosts == [f"{demo.HOST}:{gateway.server_port}"] * 4


def test_the_last_answer_is_told_when_the_time_is_over(gateway: Gateway) -> None:
    gateway.not_yet = 1_000_000
    with pytest.raises(WaitTimeoutError, match="HTTP 404") as failed:
        demo.wait_until_answering(gateway.server_port, timeout_seconds=0.1)
    assert demo.url(gateway.server_port) in failed.value.message
    assert "choreo why greeter" in failed.value.remedy


def test_nobody_listening_is_told_too(gateway: Gateway) -> None:
    with HTTPServer(("127.0.0.1", 0), _Answers) as other:
        port = other.server_port
    with pytest.raises(WaitTimeoutError, match="Connection refused"):
        demo.wait_until_answering(port, timeout_seconds=0.1)
