"""`pg_dump` inside the container of the server."""

import sys

import client

if __name__ == "__main__":
    client.become("pg_dump", sys.argv[1:])
