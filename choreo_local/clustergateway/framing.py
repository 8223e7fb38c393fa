"""A WebSocket server's bytes to messages and back, without a socket.

Around the protocol of the `websockets` package. Fragments are put together; pings of the other end
are answered.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from choreo_local.tunnel.messages import MAX_MESSAGE_BYTES

_SMALLEST_STATUS = 400

# The package tells of every handshake, which the gateway does itself.
_quiet = logging.getLogger(f"{__name__}.protocol")
_quiet.setLevel(logging.ERROR)


@dataclass(frozen=True, slots=True)
class Handshake:
    """The request with which a connection begins; header names in lower case."""

    target: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """A complete message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """An answer to a ping."""


class ServerFraming:
    """One connection."""

    def __init__(self) -> None:
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE_BYTES, logger=_quiet)
        self._request: Request | None = None
        self._pieces: list[bytes] = []
        self._is_text = False

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent."""
        return self._protocol.state is State.OPEN

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come; the socket should be closed soon."""
        return self._protocol.close_expected()

    def receive(self, data: bytes) -> Iterator[Handshake | Message | Pong]:
        """Take bytes; what they complete. `outgoing` may have something to write then."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._request = event
                headers = {name.lower(): value for name, value in event.headers.raw_items()}
                yield Handshake(event.path, headers)
            else:
                yield from self._frame(event)

    def accept(self, headers: Mapping[str, str]) -> bool:
        """Answer the handshake; False when it is no valid one, which the answer then says."""
        assert self._request is not None
        response = self._protocol.accept(self._request)
        for name, value in headers.items():
            response.headers[name] = value
        self._protocol.send_response(response)
        return response.status_code < _SMALLEST_STATUS

    def reject(self, status: int, text: str) -> None:
        """Answer the handshake with a failure."""
        self._protocol.send_response(self._protocol.reject(HTTPStatus(status), text))

    def send(self, message: bytes) -> None:
        """Send a text message; ConnectionError when the connection is over."""
        try:
            self._protocol.send_text(message)
        except InvalidState as error:
            raise ConnectionError("the connection to the agent is over") from error

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self.is_open:
            self._protocol.send_ping(b"")

    def close(self, code: int, reason: str) -> None:
        """Begin to end the connection."""
        if self.is_open:
            self._protocol.send_close(code, reason)

    def end(self) -> None:
        """The other end sends nothing more."""
        self._protocol.receive_eof()

    def outgoing(self) -> bytes:
        """What is to be written."""
        return b"".join(self._protocol.data_to_send())

    def _frame(self, frame: object) -> Iterator[Message | Pong]:
        if not isinstance(frame, Frame):
            return
        if frame.opcode is Opcode.PONG:
            yield Pong()
        elif frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            if frame.opcode is not Opcode.CONT:
                self._is_text = frame.opcode is Opcode.TEXT
            self._pieces.append(bytes(frame.data))
            if frame.fin:
                message, self._pieces = b"".join(self._pieces), []
                if self._is_text:
                    yield Message(message)
