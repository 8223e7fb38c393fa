"""`psql` inside the container of the server."""

import sys

import client

if __name__ == "__main__":
    client.become("psql", sys.argv[1:])
