"""A program that does what its arguments say, one after the other: `print:hello exit:3`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable


def main(words: list[str]) -> None:
    """Do what the words say."""
    for word in words:
        name, _, value = word.partition(":")
        ACTIONS[name](value)


def say(text: object) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(f"{text}\n")


def serve(port: str) -> None:
    """Answer every connection with the path that it asks for, until the end."""
    with socket.create_server(("", int(port))) as listener:
        while True:
            connection, peer = listener.accept()
            with connection:
                answer(connection, peer[0])


def answer(connection: socket.socket, peer: str) -> None:
    """Answer one request; `/health` is fine while the file `unhealthy` does not exist."""
    words = connection.recv(65536).decode().split()
    path = words[1] if len(words) > 1 else "/"
    is_well = path != "/health" or not os.path.exists("unhealthy")
    status = "200 OK" if is_well else "503 Service Unavailable"
    body = f"{path} {peer}"
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall((head + body).encode())


def ignore_term(_value: str) -> None:
    """Do not end when asked to."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def on_term(value: str) -> None:
    """Say something and end with this code when asked to end."""

    def stop(_number: int, _frame: object) -> None:
        say("asked to end")
        os._exit(int(value))

    signal.signal(signal.SIGTERM, stop)


def spawn(value: str) -> None:
    """Start a process that does not end by itself."""
    child = subprocess.Popen(["sleep", "1000"], start_new_session=value == "detached")
    say(f"child {child.pid}")


def fail_until(value: str) -> None:
    """`file=count`: fail as often as lines are missing in the file, adding one each time."""
    name, count = value.split("=")
    with open(name, "a+", encoding="utf-8") as file:
        file.seek(0)
        lines = len(file.readlines())
        file.write("x\n")
    if lines < int(count):
        sys.exit(1)


def write(value: str) -> None:
    """`file=text`: write a file."""
    name, _, text = value.partition("=")
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)


def cat(name: str) -> None:
    """Show a file."""
    with open(name, encoding="utf-8") as file:
        say(file.read())


def allocate(count: str) -> None:
    """Use so many bytes of memory."""
    KEPT.append(bytearray(os.urandom(1)) * int(count))


KEPT: list[bytearray] = []
ACTIONS: dict[str, Callable[[str], object]] = {
    "print": say,
    "error": complain,
    "env": lambda value: say(f"{value}={os.environ.get(value)}"),
    "cat": cat,
    "ls": lambda value: say(" ".join(sorted(os.listdir(value)))),
    "cwd": lambda _: say(os.getcwd()),
    "resolve": lambda value: say(socket.gethostbyname(value)),
    "hostname": lambda _: say(socket.gethostname()),
    "site": lambda _: say("site" in sys.modules),
    "allocate": allocate,
    "exit": lambda value: sys.exit(int(value)),
    "sleep": lambda value: time.sleep(float(value or 1000)),
    "serve": serve,
    "ignore-term": ignore_term,
    "on-term": on_term,
    "spawn": spawn,
    "read-line": lambda _: say("read " + sys.stdin.readline().strip()),
    "tty": lambda _: say(os.isatty(0)),
    "fail-until": fail_until,
    "write": write,
}

if __name__ == "__main__":
    main(sys.argv[1:])
