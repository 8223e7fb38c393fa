"""The kube API behind real sockets."""

from __future__ import annotations

import asyncio
import io
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from choreo_local import pki
from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.messages import MASTER, User
from choreo_local.embedded.kubeapi.server import Server, tls_context
from choreo_local.embedded.storage.store import MemoryBackend, Store

REVIEW = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


@dataclass
class Listening:
    """A served API with the certificates to reach it."""

    url: str
    socket: Path
    folder: Path
    port: int

    def trust(self, client: str = "") -> ssl.SSLContext:
        """TLS of a caller, with a client certificate if named."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))
        if client:
            context.load_cert_chain(self.folder / f"{client}.crt", self.folder / f"{client}.key")
        return context


@pytest.fixture
async def listening(tmp_path: Path) -> AsyncIterator[Listening]:
    authority = pki.ensure_authority(tmp_path, "test")
    pki.ensure_server(tmp_path, "api", authority=authority, hosts=["127.0.0.1"])
    pki.ensure_client(
        tmp_path, "admin", authority=authority, user="admin", groups=["system:masters"]
    )
    api = KubeApi(Store(MemoryBackend()), KubeApiOptions(tokens={"t": User("bob")}))
    await api.start()
    server = Server(api)
    context = tls_context(tmp_path / "api.crt", tmp_path / "api.key", tmp_path / "ca.crt")
    port = await server.listen_https(port=0, context=context)
    await server.listen_unix(tmp_path / "kube.sock")
    yield Listening(f"https://127.0.0.1:{port}", tmp_path / "kube.sock", tmp_path, port)
    await server.stop()
    await api.stop()


async def who(session: aiohttp.ClientSession, url: str, **arguments: object) -> str:
    async with session.post(url + REVIEW, json={}, **arguments) as answer:  # type: ignore[arg-type]
        return str((await answer.json())["status"]["userInfo"]["username"])


async def test_a_client_certificate_names_the_user(listening: Listening) -> None:
    async with aiohttp.ClientSession() as session:
        assert await who(session, listening.url, ssl=listening.trust("admin")) == "admin"


async def test_a_token_names_the_user(listening: Listening) -> None:
    headers = {"authorization": "Bearer t"}

    async with aiohttp.ClientSession(headers=headers) as session:
        assert await who(session, listening.url, ssl=listening.trust()) == "bob"


async def test_without_credentials_nothing_is_told(listening: Listening) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(listening.url + "/api/v1/pods", ssl=listening.trust()) as answer,
    ):
        assert answer.status == 403


async def test_the_unix_socket_is_private_and_its_callers_are_admins(listening: Listening) -> None:
    assert listening.socket.stat().st_mode & 0o777 == 0o600
    connector = aiohttp.UnixConnector(str(listening.socket))

    async with aiohttp.ClientSession(connector=connector) as session:
        assert await who(session, "http://kube") == MASTER.name


async def test_a_body_over_the_limit_is_refused(listening: Listening) -> None:
    connector = aiohttp.UnixConnector(str(listening.socket))
    path = "http://kube/api/v1/namespaces/default/configmaps"

    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(path, data=io.BytesIO(b" " * (3 << 20) + b"{}")) as answer,
    ):
        assert answer.status == 413
        assert (await answer.json())["kind"] == "Status"


@pytest.mark.parametrize("line", [b"BREW / HTTP/1.1", b"GET /a/../../b HTTP/1.1", b"nonsense"])
async def test_what_is_no_proper_request_gets_a_client_error(
    listening: Listening, line: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(listening.socket))

    writer.write(line + b"\r\nHost: kube\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.split()[1] in (b"400", b"404", b"405")
    assert b"Traceback" not in answer


async def test_a_watch_ends_when_the_server_stops(listening: Listening) -> None:
    connector = aiohttp.UnixConnector(str(listening.socket))

    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get("http://kube/api/v1/namespaces?watch=true&timeoutSeconds=1") as answer,
    ):
        lines = [line async for line in answer.content]

    assert b'"ADDED"' in lines[0]
