"""The frames of a command in a container: those of the tunnel and those of a kube API. Pure.

In both a byte names the channel. In the tunnel 3 is the size of the terminal and a lone 0 the end
of the input; in a kube API 3 tells how the command ended and 4 is the size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson

STDIN, STDOUT, STDERR, STATUS, SIZE, CLOSE = 0, 1, 2, 3, 4, 255
TUNNEL_SIZE = 3
# Before the command begins, so that the gateway sees that somebody serves it.
SENTINEL = bytes([STDOUT])
_HALF_CLOSING = "v5.channel.k8s.io"
_DEFAULT_COMMAND = "/bin/sh"


def with_default_command(query: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parameters of exec; a shell when they name no command."""
    if any(name == "command" for name, _ in query):
        return list(query)
    return [*query, ("command", _DEFAULT_COMMAND)]


def to_cluster(piece: bytes, protocol: str | None) -> Iterator[bytes]:
    """What a frame of the tunnel means to the kube API."""
    if piece == bytes([STDIN]):
        if protocol == _HALF_CLOSING:
            yield bytes([CLOSE, STDIN])
    elif piece[:1] == bytes([STDIN]):
        yield piece
    elif piece[:1] == bytes([TUNNEL_SIZE]):
        size = _size(piece[1:])
        if size:
            yield bytes([SIZE]) + size


def _size(data: bytes) -> bytes:
    try:
        content = orjson.loads(data)
        size = {"Width": int(content["width"]), "Height": int(content["height"])}
    except (ValueError, LookupError, TypeError):
        return b""
    return orjson.dumps(size)


class Ending:
    """What the kube API says, and how the command ended.

    Attributes:
        words: empty when the command ended well.
    """

    def __init__(self) -> None:
        self.words = ""

    def from_cluster(self, message: bytes) -> bytes:
        """The frame of the tunnel for a message; empty when there is none."""
        if message[:1] == bytes([STATUS]):
            self.words = _ended(message[1:])
            return b""
        is_output = message[:1] in {bytes([STDOUT]), bytes([STDERR])}
        return message if is_output and len(message) > 1 else b""


def _ended(data: bytes) -> str:
    try:
        status = orjson.loads(data)
        if status.get("status") == "Success":
            return ""
        return str(status.get("message") or "the command failed")
    except (ValueError, AttributeError):
        return "cannot understand how the command ended"
