"""What the services of the URL shortener share: the database, the cache, answers in JSON.

Variables: POSTGRES_DSN, REDIS_ADDR (`host:port` or a URL), PORT.
"""

import json
import os
import threading

import pg8000.exceptions
import pg8000.native
import valkey
from small_http import Reply, unquote

_TABLES = (
    "CREATE TABLE IF NOT EXISTS urls (code text PRIMARY KEY, target text NOT NULL,"
    " created timestamptz NOT NULL DEFAULT now())",
    "CREATE TABLE IF NOT EXISTS clicks (code text NOT NULL REFERENCES urls(code),"
    " at timestamptz NOT NULL DEFAULT now())",
)
_CONNECT_SECONDS = 3.0


class Unavailable(Exception):
    """The database or the cache does not answer; the argument says which and why."""


class Database:
    """One connection to PostgreSQL, opened when it is needed and again after it broke."""

    def __init__(self, dsn):
        self._options = _options(dsn)
        self._lock = threading.Lock()
        self._connection = None

    def run(self, statement, **values):
        """The rows of a statement; Unavailable when the database does not answer."""
        with self._lock:
            try:
                return self._connected().run(statement, **values)
            except (OSError, pg8000.exceptions.Error) as error:
                self._connection = None
                raise Unavailable(f"postgres: {error}") from error

    def _connected(self):
        if self._connection is None:
            found = pg8000.native.Connection(**self._options, timeout=_CONNECT_SECONDS)
            # Two services make the tables; the lock keeps them from doing so at once.
            found.run("BEGIN")
            found.run("SELECT pg_advisory_xact_lock(7)")
            for table in _TABLES:
                found.run(table)
            found.run("COMMIT")
            self._connection = found
        return self._connection


def _options(dsn):
    rest = dsn.partition("://")[2].partition("?")[0]
    credentials, _, place = rest.rpartition("@")
    user, _, password = credentials.partition(":")
    authority, _, database = place.partition("/")
    host, _, port = authority.partition(":")
    return {
        "user": unquote(user), "password": unquote(password), "host": host,
        "port": int(port or 5432), "database": database or unquote(user),
    }  # fmt: skip


class Cache:
    """Targets by code, in Redis or Valkey."""

    def __init__(self, address):
        self._client = valkey.Valkey.from_url(
            address if "://" in address else f"redis://{address or 'localhost'}",
            decode_responses=True,
            socket_connect_timeout=_CONNECT_SECONDS,
            socket_timeout=_CONNECT_SECONDS,
        )

    def get(self, code):
        """The target of a code that is cached; None for others."""
        return self._ask(lambda client: client.get(f"url:{code}"))

    def put(self, code, target):
        """Keep a target for an hour."""
        self._ask(lambda client: client.set(f"url:{code}", target, ex=3600))

    def _ask(self, question):
        try:
            return question(self._client)
        except (OSError, valkey.ValkeyError) as error:
            raise Unavailable(f"redis: {error}") from error


def answer_json(value, status=200, headers=None):
    """A reply in JSON."""
    text = json.dumps(value, default=str) + "\n"
    return Reply(text, status, content_type="application/json", headers=headers)


def guarded(answer):
    """Answers that say what is unavailable instead of ending the request without a word."""

    def reply(request):
        try:
            return answer(request)
        except Unavailable as error:
            os.write(1, f"{request.method} {request.path} status=500 {error}\n".encode())
            return answer_json({"error": str(error)}, 500)

    return reply


def port(default):
    """The port to listen on."""
    return int(os.environ.get("PORT") or default)
