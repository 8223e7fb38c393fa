"""Our registry on a free port, and a client that speaks plain HTTP to it."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from choreo_local.images import documents
from choreo_local.images.library import ImageLibrary
from choreo_local.images.registry.server import RegistryServer
from tests.images.builders import MadeImage, sha256


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        import json

        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of the first error."""
        return str(self.json["errors"][0]["code"])


@dataclass
class Registry:
    """Our registry and how to talk to it."""

    server: RegistryServer
    library: ImageLibrary
    folder: Path
    session: aiohttp.ClientSession

    @property
    def host(self) -> str:
        return f"localhost:{self.server.port}"

    async def ask(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answered:
        """Send a request; `_` in names of headers stands for a dash."""
        url = path if path.startswith("http") else f"http://127.0.0.1:{self.server.port}{path}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(
            method,
            url,
            data=io.BytesIO(data) if data else None,
            headers=named,
            allow_redirects=False,
        ) as answer:
            return Answered(answer.status, answer.headers, await answer.read())

    async def push_blob(self, name: str, data: bytes) -> str:
        """In one request."""
        digest = sha256(data)
        found = await self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", data)
        assert found.status == 201, found.body
        return digest

    async def push_manifest(
        self, name: str, tag: str, content: bytes, kind: str = documents.OCI_MANIFEST
    ) -> Answered:
        return await self.ask("PUT", f"/v2/{name}/manifests/{tag}", content, Content_Type=kind)

    async def push(self, name: str, tag: str, made: MadeImage) -> None:
        for data in made.blobs.values():
            await self.push_blob(name, data)
        assert (await self.push_manifest(name, tag, made.manifest)).status == 201


@asynccontextmanager
async def serving(
    root: Path, *, further: Sequence[tuple[socket.socket, IPv4Network]] = ()
) -> AsyncIterator[Registry]:
    """Have our registry answer."""
    listening = socket.create_server(("127.0.0.1", 0))
    library = ImageLibrary(root / "images")
    server = RegistryServer(listening, lambda: library, root / "registry", further=further)
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield Registry(server, library, root / "registry", session)
    await server.stop()
    await asyncio.sleep(0)


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    async with serving(tmp_path) as found:
        yield found
