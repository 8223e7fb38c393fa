"""A small HTTP/1.1 server and client for host images.

The standard library's `http.server` and `http.client` triple the start time and double the memory
of a process that does little else; what the demo services need of HTTP is here.
"""

import os
import select
import signal
import socket
import sys
import threading
import time

_LONGEST_HEAD = 64 * 1024
_LONGEST_BODY = 1024 * 1024
_DRAIN_SECONDS = 0.5
_FINISH_SECONDS = 10.0
_REASONS = {
    200: "OK",
    201: "Created",
    302: "Found",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


class Request:
    """One request; header names are lower case, `query` holds the first value of each name."""

    def __init__(self, method, target, version, headers, body):
        self.method = method
        self.path, _, text = target.partition("?")
        self.query = parse_query(text)
        self.version = version
        self.headers = headers
        self.body = body

    @property
    def wants_close(self):
        """Whether the connection ends with this exchange."""
        connection = self.headers.get("connection", "").lower()
        return connection == "close" or (self.version == "HTTP/1.0" and connection != "keep-alive")


class Reply:
    """One answer; `body` is text."""

    def __init__(self, body, status=200, content_type="text/plain; charset=utf-8", headers=None):
        self.body = body.encode()
        self.status = status
        self.headers = {"Content-Type": content_type, **(headers or {})}


class BadRequest(Exception):
    """The other side does not speak HTTP as we do; the argument is the status to answer."""


def write_line(text):
    """Print in one piece: without a buffer `print` writes the end of the line by itself."""
    sys.stdout.write(f"{text}\n")


class Server:
    """Answers requests, a thread for each connection; ends gracefully on SIGTERM.

    After SIGTERM new connections are taken for a moment longer, because peers learn only then that
    this process goes away; requests under way are finished.
    """

    def __init__(self, port, answer, log=write_line):
        self._port = port
        self._answer = answer
        self._log = log
        self._stopping = False
        self._active = 0
        self._idle = threading.Condition()

    def run(self):
        """Serve until SIGTERM."""
        told, tell = os.pipe()
        os.set_blocking(tell, False)
        # The interpreter writes to `tell` when a signal comes; an exception from the handler could
        # hit anywhere and lose a connection that was accepted a moment before.
        signal.set_wakeup_fd(tell)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: None)
        threading.stack_size(256 * 1024)
        with socket.create_server(("", self._port), backlog=512) as listener:
            self._log(f"listening on port {self._port}")
            while self._accept(listener, told):
                pass
            self._stopping = True
            self._log("stopping")
            until = time.monotonic() + _DRAIN_SECONDS
            while (left := until - time.monotonic()) > 0:
                self._accept(listener, None, left)
        self._finish()

    def _accept(self, listener, told, timeout=None):
        """Take one connection; False when told to stop, or when none came in time."""
        watched = [listener] if told is None else [listener, told]
        ready, _, _ = select.select(watched, [], [], timeout)
        if told in ready or not ready:
            return False
        connection, _ = listener.accept()
        threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        return True

    def _finish(self):
        with self._idle:
            self._idle.wait_for(lambda: not self._active, _FINISH_SECONDS)
        sys.stdout.flush()
        os._exit(0)

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = connection.makefile("rb")
        try:
            while self._exchange(connection, stream):
                pass
        except BadRequest as error:
            send(connection, Reply(f"{error.args[1]}\n", error.args[0]), close=True)
        except OSError:
            pass  # The peer went away; nobody is left to tell.
        finally:
            stream.close()
            connection.close()

    def _exchange(self, connection, stream):
        """One request and its answer; False when the connection is over."""
        request = read_request(stream, connection)
        if request is None:
            return False
        with self._idle:
            self._active += 1
        try:
            started = time.monotonic()
            reply = self._reply(request)
            close = request.wants_close or self._stopping
            send(connection, reply, close=close, head_only=request.method == "HEAD")
            if not request.path.startswith("/health"):
                taken = (time.monotonic() - started) * 1000
                self._log(f"{request.method} {request.path} {reply.status} {taken:.1f} ms")
            return not close
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def _reply(self, request):
        try:
            return self._answer(request)
        except Exception as error:  # The boundary: one request must not end the service.
            self._log(f"{request.method} {request.path} failed: {type(error).__name__}: {error}")
            return Reply("internal error\n", 500)


def send(connection, reply, *, close, head_only=False):
    """Write an answer."""
    headers = {**reply.headers, "Content-Length": str(len(reply.body))}
    if close:
        headers["Connection"] = "close"
    lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    connection.sendall(head if head_only else head + reply.body)


def read_request(stream, connection):
    """The next request of a connection; None at its end."""
    head = read_head(stream)
    if head is None:
        return None
    first, headers = head
    words = first.split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest(400, "not an HTTP/1 request")
    if "transfer-encoding" in headers:
        raise BadRequest(411, "a body needs a Content-Length here")
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise BadRequest(400, "Content-Length is not a number")
    if int(length) > _LONGEST_BODY:
        raise BadRequest(413, "body too large")
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    return Request(*words, headers, stream.read(int(length)))


def read_head(stream):
    """First line and headers; None at the end of the stream."""
    lines, size = [], 0
    while True:
        line = stream.readline(_LONGEST_HEAD)
        if not line:
            return None
        size += len(line)
        if size > _LONGEST_HEAD:
            raise BadRequest(413, "header too large")
        text = line.decode("latin-1").rstrip("\r\n")
        if not text and lines:
            break
        if text:
            lines.append(text)
    pairs = (line.partition(":") for line in lines[1:])
    return lines[0], {name.strip().lower(): value.strip() for name, _, value in pairs}


def fetch(url, timeout=5.0):
    """GET an http:// URL: status and text; OSError when nothing answers."""
    reply = ask(url, timeout)
    return reply.status, reply.body.decode(errors="replace")


def ask(url, timeout=5.0, *, method="GET", body=b""):
    """Ask an http:// URL; the answer as a Reply. OSError when nothing answers."""
    rest = url.removeprefix("http://")
    if rest == url:
        raise ValueError(f"cannot fetch {url}: only http:// is supported")
    authority, slash, path = rest.partition("/")
    host, _, port = authority.partition(":")
    with socket.create_connection((host, int(port or 80)), timeout=timeout) as connection:
        lines = [f"{method} {slash or '/'}{path} HTTP/1.1", f"Host: {authority}"]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += ["Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)
        with connection.makefile("rb") as stream:
            return _read_reply(stream)


def _read_reply(stream):
    head = read_head(stream)
    if head is None:
        raise ConnectionError("the answer ended before it began")
    first, headers = head
    text = _body(stream, headers).decode(errors="replace")
    more = {"Location": headers["location"]} if "location" in headers else {}
    kind = headers.get("content-type", "text/plain")
    return Reply(text, int(first.split()[1]), content_type=kind, headers=more)


def _body(stream, headers):
    if headers.get("transfer-encoding", "").lower() != "chunked":
        length = headers.get("content-length")
        return stream.read(_LONGEST_BODY if length is None else min(int(length), _LONGEST_BODY))
    pieces, size = [], 0
    while (length := int(stream.readline(1024).split(b";")[0], 16)) and size < _LONGEST_BODY:
        pieces.append(stream.read(length))
        size += length
        stream.readline(8)
    return b"".join(pieces)


def parse_query(text):
    """Names and values of a query string."""
    pairs = [part.partition("=") for part in text.split("&") if part][:100]
    return {unquote(name): unquote(value) for name, _, value in reversed(pairs)}


def unquote(text):
    """Undo percent-encoding."""
    first, *rest = text.replace("+", " ").split("%")
    data = first.encode()
    for part in rest:
        try:
            data += bytes.fromhex(part[:2]) + part[2:].encode()
        except ValueError:
            data += b"%" + part.encode()
    return data.decode(errors="replace")


def quote(text):
    """Percent-encode everything that has a meaning in URLs."""
    return "".join(
        chr(byte) if byte < 128 and chr(byte).isalnum() else f"%{byte:02X}"
        for byte in text.encode()
    )


def option(arguments, name, default):
    """The value of `--name VALUE` or `--name=VALUE` on a command line."""
    for index, word in enumerate(arguments):
        if word == f"--{name}" and index + 1 < len(arguments):
            return arguments[index + 1]
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
    return default
