"""A command in a container through an agent of upstream, in the words of a kube API's WebSocket.

Both use one byte for the channel, with other numbers for some of them, and upstream's agents do not
tell how a command ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson

from choreo_local.clustergateway.channel import Channel

_PROTOCOL = "v5.channel.k8s.io"
_STDIN, _STDOUT, _STDERR, _STATUS, _RESIZE, _CLOSE = 0, 1, 2, 3, 4, 255
_THEIR_RESIZE = 3


class ExecSocket:
    """Implements `kubeclient.transport.WebSocket`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @property
    def protocol(self) -> str | None:
        return _PROTOCOL

    async def send(self, data: bytes) -> None:
        translated = to_agent(data)
        if translated:
            await self._channel.send(translated)

    async def messages(self) -> AsyncIterator[bytes]:
        while (piece := await self._channel.read()) is not None:
            if piece[:1] in {bytes([_STDOUT]), bytes([_STDERR])} and len(piece) > 1:
                yield piece
        yield bytes([_STATUS]) + orjson.dumps(end_of(self._channel.last_words))


def to_agent(message: bytes) -> bytes:
    """A message for the agent; empty when there is nothing to say."""
    channel = message[0] if message else _CLOSE
    if channel == _STDIN:
        # A lone zero would end the input.
        return message if len(message) > 1 else b""
    if channel == _CLOSE:
        return bytes([_STDIN]) if message[1:] == bytes([_STDIN]) else b""
    if channel == _RESIZE:
        return _resized(message[1:])
    return b""


def _resized(data: bytes) -> bytes:
    try:
        size = orjson.loads(data)
        content = {"width": int(size["Width"]), "height": int(size["Height"])}
    except (ValueError, LookupError, TypeError):
        return b""
    return bytes([_THEIR_RESIZE]) + orjson.dumps(content)


def end_of(last_words: bytes) -> dict[str, object]:
    """How a command ended, as a Status, by the last words of an agent."""
    words = last_words.decode(errors="replace")[:1000]
    message = words or "the agent of this plane does not tell how commands end"
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
