"""`pg_isready` inside the container of the server."""

import sys

import client

if __name__ == "__main__":
    client.become("pg_isready", sys.argv[1:])
