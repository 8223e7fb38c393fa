"""Envoy's administration interface on its unix socket, as far as the supervisor needs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

_LONGEST_ANSWER = 1 << 20


class EnvoyAdmin:
    """Asks Envoy what it has taken over."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def answers(self) -> bool:
        """Whether Envoy is up."""
        try:
            return bool(await self._get("/ready"))
        except OSError:
            return False

    async def stats(self, pattern: str) -> dict[str, str]:
        """Statistics whose names match a regular expression."""
        text = await self._get(f"/stats?filter={pattern}")
        lines = (line.partition(": ") for line in text.splitlines())
        return {name: value for name, _, value in lines if value}

    async def drain(self) -> None:
        """Have it take no new connections; those that there are go on."""
        await self._ask("POST", "/drain_listeners")

    async def active_requests(self) -> int:
        """How many requests are under way."""
        found = await self.stats(r"^http\.http\.downstream_rq_active$")
        return sum(map(int, found.values()))

    async def _get(self, path: str) -> str:
        return await self._ask("GET", path)

    async def _ask(self, method: str, path: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(self._socket))
        try:
            writer.write(
                f"{method} {path} HTTP/1.1\r\nHost: admin\r\n"
                "Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
            answer = await reader.read(_LONGEST_ANSWER)
            while not reader.at_eof() and len(answer) < _LONGEST_ANSWER:
                answer += await reader.read(_LONGEST_ANSWER)
        finally:
            writer.close()
        return answer.partition(b"\r\n\r\n")[2].decode(errors="replace")
