"""The server that the conformance cases ask: where it is, who asks, and plain HTTP to it."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

Headers = Mapping[str, str | list[str]]
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        body: decoded when it is JSON, the text otherwise.
    """

    code: int
    headers: tuple[tuple[str, str], ...]
    body: Any

    def header(self, name: str) -> list[str]:
        """All values of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True, slots=True)
class Target:
    """A server and how its administrator reaches it.

    Attributes:
        name: under which `differences.yaml` lists what is different here.
        certificate: PEM of the authority that signed the server's certificate.
    """

    name: str
    host: str
    port: int
    certificate: str
    admin: ssl.SSLContext

    def anonymous(self) -> ssl.SSLContext:
        """TLS of somebody without a client certificate."""
        return ssl.create_default_context(cadata=self.certificate)

    def connect(self, trust: ssl.SSLContext | None = None) -> http.client.HTTPSConnection:
        """A new connection, as the administrator unless told otherwise."""
        return http.client.HTTPSConnection(
            self.host, self.port, context=trust or self.admin, timeout=ANSWER_SECONDS
        )


def of_kubeconfig(path: Path, name: str) -> Target:
    """The server of a kubeconfig's only cluster, as its only user."""
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    certificate = _decoded(cluster["certificate-authority-data"])
    server = urlsplit(cluster["server"])
    pair = _decoded(user["client-certificate-data"]), _decoded(user["client-key-data"])
    return Target(
        name, server.hostname or "", server.port or 443, certificate, _trust(certificate, pair)
    )


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _trust(authority: str, pair: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "client.crt", Path(folder) / "client.key"
        for file, content in zip(files, pair, strict=True):
            file.touch(mode=0o600)
            file.write_text(content, encoding="utf-8")
        context.load_cert_chain(*files)
    return context


class Client:
    """One connection that is kept; not for several threads."""

    def __init__(self, target: Target, trust: ssl.SSLContext | None = None) -> None:
        self._target = target
        self._trust = trust
        self._connection = target.connect(trust)

    def send(self, method: str, path: str, headers: Headers, body: bytes | None = None) -> Answer:
        """Ask and read the whole answer; an idle connection that was closed is opened again."""
        try:
            return self._send(method, path, headers, body)
        except (http.client.HTTPException, ConnectionError):
            self.close()
            self._connection = self._target.connect(self._trust)
            return self._send(method, path, headers, body)

    def _send(self, method: str, path: str, headers: Headers, body: bytes | None) -> Answer:
        self._connection.putrequest(method, path, skip_accept_encoding=True)
        for name, values in headers.items():
            for value in [values] if isinstance(values, str) else values:
                self._connection.putheader(name, value)
        if body is not None:
            self._connection.putheader("Content-Length", str(len(body)))
        self._connection.endheaders(body)
        response = self._connection.getresponse()
        return Answer(response.status, tuple(response.getheaders()), decoded(response.read()))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def decoded(content: bytes) -> Any:
    """JSON, or else text."""
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
