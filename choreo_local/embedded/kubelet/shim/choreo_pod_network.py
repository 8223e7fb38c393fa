"""The pod's own address and names for everything that uses Python's `socket`.

* Listening on all addresses, or on localhost, listens on the pod's address.
* Connecting to localhost reaches the pod itself; connections to other pods come from its address.
* Names of the cluster are asked of the cluster's DNS; all others of the machine.
"""

from __future__ import annotations

import _socket
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

_LOCAL = frozenset({"127.0.0.1", "localhost", "ip6-localhost", "::1"})
_ALL = frozenset({"", "0.0.0.0", "::", "<any>"})
_IS_LINUX = sys.platform == "linux"
_NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT of Linux: leaves the choice of the port to connect()
_TIMEOUT_SECONDS = 2.0

_bind = _socket.socket.bind
_connect = _socket.socket.connect
_connect_ex = _socket.socket.connect_ex
_listen = _socket.socket.listen
_sendto = _socket.socket.sendto
_getaddrinfo = socket.getaddrinfo


class View:
    """One pod's addresses and names.

    Attributes:
        address: the pod's own.
        exempt: `(host, port)` on localhost that mean the machine, not the pod.
        server: where the cluster's DNS listens; None without one.
        search: suffixes for short names.
        hosts: fixed names.
    """

    def __init__(self, environment: Any) -> None:
        self.address: str = environment["CHOREO_POD_ADDRESS"]
        self.exempt = {
            _endpoint(item) for item in environment.get("CHOREO_HOST_ENDPOINTS", "").split()
        }
        dns = environment.get("CHOREO_DNS", "")
        self.server = _endpoint(dns) if dns else None
        self.search = environment.get("CHOREO_DNS_SEARCH", "").split()
        self.hosts = dict(
            item.split("=", 1) for item in environment.get("CHOREO_HOSTS", "").split()
        )
        self.hostname: str = environment.get("HOSTNAME", "")
        if self.hostname:
            self.hosts[self.hostname] = self.address

    def to_bind(self, sock: socket.socket, address: Any) -> Any:
        """Where a socket that wants `address` is bound."""
        if not isinstance(address, tuple) or address[0] not in _ALL | _LOCAL:
            return address
        return self._own(sock, address)

    def to_connect(self, sock: socket.socket, address: Any) -> Any:
        """Where a connection to `address` goes; gives the socket the pod's address as source."""
        if not isinstance(address, tuple):
            return address
        host, port = address[0], address[1]
        if host in _ALL | _LOCAL and (host, port) not in self.exempt:
            address = self._own(sock, address)
        elif sock.family == socket.AF_INET and not host[:1].isdigit():
            found = self.lookup(host)
            address = (found[0], port) if found else address
        if address[0].startswith(("127.", "::ffff:127.")) and sock.getsockname()[1] == 0:
            self._set_source(sock)
        return address

    def _own(self, sock: socket.socket, address: Any) -> Any:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            return ("::ffff:" + self.address, *address[1:])
        return (self.address, *address[1:])

    def _set_source(self, sock: socket.socket) -> None:
        if _IS_LINUX:
            sock.setsockopt(socket.IPPROTO_IP, _NO_PORT, 1)
        host = "::ffff:" + self.address if sock.family == socket.AF_INET6 else self.address
        _bind(sock, (host, 0))

    def lookup(self, name: Any) -> list[str]:
        """The addresses of a name that only the cluster knows; empty for all others."""
        if not isinstance(name, str) or not name or ":" in name:
            return []
        if name in self.hosts:
            return [self.hosts[name]]
        if self.server is None or name in _LOCAL or name.replace(".", "").isdigit():
            return []
        for candidate in self._candidates(name):
            found = query(self.server, candidate, source=self.address)
            if found is None:
                return []
            if found:
                return found
        return []

    def _candidates(self, name: str) -> list[str]:
        if name.endswith("."):
            return [name]
        suffixed = [f"{name}.{suffix}" for suffix in self.search]
        return [name, *suffixed] if name.count(".") >= 4 else [*suffixed, name]


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def query(server: tuple[str, int], name: str, *, source: str) -> list[str] | None:
    """The A records of a name; empty when there are none, None when nobody answers."""
    identifier = os.urandom(2)
    labels = name.rstrip(".").encode("idna" if not name.isascii() else "ascii").split(b".")
    if any(not 0 < len(label) < 64 for label in labels):
        return []
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0\0\1\0\1"
    message = identifier + b"\1\0\0\1\0\0\0\0\0\0" + question
    sock = _socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.settimeout(_TIMEOUT_SECONDS)
        if server[0].startswith("127."):
            sock.bind((source, 0))
        sock.sendto(message, server)
        answer = sock.recv(4096)
    except OSError:
        return None
    finally:
        sock.close()
    return addresses(answer, 12 + len(question)) if answer[:2] == identifier else None


def addresses(answer: bytes, offset: int) -> list[str]:
    """The A records of an answer whose records begin at `offset`."""
    found: list[str] = []
    try:
        for _ in range(int.from_bytes(answer[6:8], "big")):
            offset = _after_name(answer, offset)
            kind = int.from_bytes(answer[offset : offset + 2], "big")
            length = int.from_bytes(answer[offset + 8 : offset + 10], "big")
            offset += 10
            if kind == 1 and length == 4:
                found.append(".".join(str(byte) for byte in answer[offset : offset + 4]))
            offset += length
    except IndexError:
        return found
    return found


def _after_name(answer: bytes, offset: int) -> int:
    while answer[offset]:
        if answer[offset] >= 192:
            return offset + 2
        offset += answer[offset] + 1
    return offset + 1


def install() -> None:
    """Replace the methods of `socket.socket` and the resolver functions of `socket`."""

    def listen(self: socket.socket, *backlog: int) -> None:
        _listen(self, *backlog)
        _tell_listening()

    setattr(socket.socket, "listen", listen)  # noqa: B010 - a plain assignment is a type error
    # Where pods have no addresses of their own, they see the machine as it is.
    if os.environ.get("CHOREO_POD_ADDRESS"):
        view = View(os.environ)
        _install_methods(view)
        _install_resolver(view)


def _install_methods(view: View) -> None:
    def bind(self: socket.socket, address: Any, /) -> None:
        _bind(self, view.to_bind(self, address))

    def connect(self: socket.socket, address: Any, /) -> None:
        _connect(self, view.to_connect(self, address))

    def connect_ex(self: socket.socket, address: Any, /) -> int:
        return _connect_ex(self, view.to_connect(self, address))

    def sendto(self: socket.socket, data: Any, *rest: Any) -> Any:
        *flags, address = rest
        return send(self, data, *flags, view.to_connect(self, address))

    send: Callable[..., Any] = _sendto
    for method in (bind, connect, connect_ex, sendto):
        setattr(socket.socket, method.__name__, method)


def _tell_listening() -> None:
    """Let the runtime know, once, that the program can be reached."""
    given = os.environ.pop("CHOREO_LISTENING", "")
    if given:
        # A descriptor that was inherited, or a pipe with a name.
        pipe = int(given) if given.isdigit() else os.open(given, os.O_WRONLY | os.O_NONBLOCK)
        os.write(pipe, b"1")
        os.close(pipe)


def _install_resolver(view: View) -> None:
    def getaddrinfo(  # noqa: PLR0917 - as in socket
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - as in socket
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        if host is None or host in ("", b""):
            # All addresses, or localhost: the pod has one address for both.
            return _getaddrinfo(view.address, port, 0, type, proto, flags & ~socket.AI_PASSIVE)
        name = host.decode() if isinstance(host, bytes) else host
        found = view.lookup(name) if family != socket.AF_INET6 else []
        results = [
            result
            for address in found
            for result in _getaddrinfo(address, port, socket.AF_INET, type, proto, flags)
        ]
        return results or _getaddrinfo(host, port, family, type, proto, flags)

    def gethostbyname(name: str) -> str:
        return str(getaddrinfo(name, None, socket.AF_INET)[0][4][0])

    def gethostbyname_ex(name: str) -> tuple[str, list[str], list[str]]:
        found = {str(result[4][0]) for result in getaddrinfo(name, None, socket.AF_INET)}
        return name, [], sorted(found)

    for function in (getaddrinfo, gethostbyname, gethostbyname_ex):
        setattr(socket, function.__name__, function)
    if view.hostname:
        socket.gethostname = lambda: view.hostname
