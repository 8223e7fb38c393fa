"""Services and methods of a proto source, without a compiler; pure.

Only as much of the language is read as finds `service` blocks and the message types that methods
name. A source that would not compile on its own – unbalanced, with foreign imports or unknown
types – has no methods.

Public: `methods(source)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Alternatives do not overlap, so matching is linear in the length of the source.
_TOKEN = re.compile(
    r"//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
    r"|[A-Za-z_.][A-Za-z0-9_.]*|[0-9][A-Za-z0-9_.+-]*|[{}()<>\[\]=;,:+-]",
    re.ASCII,
)
_WELL_KNOWN = "google.protobuf."
_WELL_KNOWN_FILES = "google/protobuf/"
_MAX_DEPTH = 64


class _SourceError(Exception):
    """The source is not what a compiler would take."""


def methods(source: str) -> list[tuple[str, str]]:
    """Service, qualified by its package, and method, for each `rpc`."""
    try:
        return _Reader(source).read()
    except _SourceError:
        return []


class _Reader:
    def __init__(self, source: str) -> None:
        self._tokens = list(_tokens(source))
        self._at = 0
        self._package = ""
        self._types: set[str] = set()
        self._methods: list[tuple[str, str]] = []
        self._named: list[tuple[str, str]] = []

    def read(self) -> list[tuple[str, str]]:
        while self._at < len(self._tokens):
            self._statement("", 0)
        if any(not self._is_known(name, scope) for name, scope in self._named):
            raise _SourceError
        return self._methods

    def _statement(self, scope: str, depth: int) -> None:
        """One statement, in a file (scope ``) or in the message `scope`."""
        if depth > _MAX_DEPTH:
            raise _SourceError
        word = self._next()
        if word == "package" and not scope:
            self._package = self._next()
        elif word == "import":
            self._import()
        elif word in {"message", "enum"} and self._peek(1) == "{":
            self._message(scope, depth, has_members=word == "message")
            return
        elif word == "service" and self._peek(1) == "{":
            self._service()
            return
        if word != ";":
            self._skip_statement()

    def _import(self) -> None:
        path = self._next()
        if path in {"public", "weak"}:
            path = self._next()
        if not path.strip("\"'").startswith(_WELL_KNOWN_FILES):
            raise _SourceError

    def _message(self, scope: str, depth: int, *, has_members: bool) -> None:
        name = self._next()
        full = f"{scope}.{name}" if scope else name
        self._types.add(full)
        self._next()
        if not has_members:
            self._skip_block()
            return
        while self._peek() != "}":
            self._statement(full, depth + 1)
        self._next()

    def _service(self) -> None:
        name = self._next()
        full = f"{self._package}.{name}" if self._package else name
        self._next()
        while (word := self._next()) != "}":
            if word == "rpc":
                self._rpc(full)
            elif word != ";":
                self._skip_statement()

    def _rpc(self, service: str) -> None:
        self._methods.append((service, self._next()))
        self._type_in_parentheses()
        if self._next() != "returns":
            raise _SourceError
        self._type_in_parentheses()
        if self._next() == "{":
            self._skip_block()

    def _type_in_parentheses(self) -> None:
        if self._next() != "(":
            raise _SourceError
        name = self._next()
        if name == "stream" and self._peek() != ")":
            name = self._next()
        self._named.append((name, self._package))
        if self._next() != ")":
            raise _SourceError

    def _is_known(self, name: str, package: str) -> bool:
        plain = name.removeprefix(".")
        if plain.startswith(_WELL_KNOWN):
            return True
        return plain in self._types or plain.removeprefix(f"{package}.") in self._types

    def _skip_statement(self) -> None:
        """To the end of a statement: a semicolon, or a block."""
        while True:
            token = self._next()
            if token == ";":
                return
            if token == "{":
                self._skip_block()
                if self._peek() != ";":
                    return
            elif token == "}":
                raise _SourceError

    def _skip_block(self) -> None:
        depth = 1
        while depth:
            token = self._next()
            depth += (token == "{") - (token == "}")

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise _SourceError
        self._at += 1
        return token

    def _peek(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else ""


def _tokens(source: str) -> Iterator[str]:
    at = 0
    for match in _TOKEN.finditer(source):
        if source[at : match.start()].strip():
            raise _SourceError
        at = match.end()
        if not match.group().startswith(("//", "/*")):
            yield match.group()
    if source[at:].strip():
        raise _SourceError
