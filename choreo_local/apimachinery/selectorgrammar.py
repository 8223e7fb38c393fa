"""The grammar of label selectors: tokens and requirements, one look ahead."""

from __future__ import annotations

import re
from collections.abc import Iterator

from choreo_local.apimachinery.requirements import (
    Operator,
    Requirement,
    key_problems,
    requirement,
)
from choreo_local.errors import BadRequestError

_TOKEN = re.compile(r"[ \t\r\n]*(?:(?P<symbol>[=!(),><]+)|(?P<word>[^=!(),>< \t\r\n]+))")
_SYMBOLS = (")", ",", "!", "==", "=", ">", "<", "!=", "(")
_OPERATORS = {
    "in": Operator.IN,
    "notin": Operator.NOT_IN,
    "=": Operator.EQUALS,
    "==": Operator.DOUBLE_EQUALS,
    "!=": Operator.NOT_EQUALS,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}
_EXPECTED_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_END = ""


def parse(text: str) -> list[Requirement]:
    """The requirements of a label selector, in their order."""
    return _Parser(text).parse()


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while found := _TOKEN.match(text, position):
        if found["word"] is not None:
            yield found["word"]
            position = found.end()
            continue
        symbol = _longest_symbol(found["symbol"])
        yield symbol
        position = found.start("symbol") + len(symbol)


def _longest_symbol(text: str) -> str:
    """The symbol at the beginning of a run of special characters."""
    return next(text[:length] for length in (2, 1) if text[:length] in _SYMBOLS)


def _is_identifier(token: str) -> bool:
    return token != _END and token[0] not in "=!(),><"


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = [*_tokens(text), _END]
        self._position = 0

    def _peek(self) -> str:
        return self._tokens[min(self._position, len(self._tokens) - 1)]

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        while (token := self._peek()) != _END:
            if not _is_identifier(token) and token != "!":
                raise BadRequestError(
                    f"found '{token}', expected: !, identifier, or 'end of string'"
                )
            found.append(self._checked_requirement())
            separator = self._next()
            if separator == _END:
                break
            if separator != ",":
                raise BadRequestError(f"found '{separator}', expected: ',' or 'end of string'")
            following = self._peek()
            if not _is_identifier(following) and following != "!":
                raise BadRequestError(f"found '{following}', expected: identifier after ','")
        return found

    def _checked_requirement(self) -> Requirement:
        try:
            return self._requirement()
        except BadRequestError as error:
            raise BadRequestError(f"unable to parse requirement: {error.message}") from error

    def _requirement(self) -> Requirement:
        token = self._next()
        negated = token == "!"
        key = self._next() if negated else token
        if not _is_identifier(key):
            raise BadRequestError(f"found '{key}', expected: identifier")
        for problem in key_problems(key, "<nil>"):
            raise BadRequestError(f"{problem.field}: {problem.message}")
        if negated:
            return requirement(key, Operator.DOES_NOT_EXIST, ())
        if self._peek() in (_END, ","):
            return requirement(key, Operator.EXISTS, ())
        sign = self._next()
        operator = _OPERATORS.get(sign)
        if operator is None:
            raise BadRequestError(f"found '{sign}', expected: {_EXPECTED_OPERATORS}")
        is_set = operator in (Operator.IN, Operator.NOT_IN)
        return requirement(key, operator, self._values() if is_set else [self._value()])

    def _value(self) -> str:
        if self._peek() in (_END, ","):
            return ""
        token = self._next()
        if not _is_identifier(token):
            raise BadRequestError(f"found '{token}', expected: identifier")
        return token

    def _values(self) -> list[str]:
        opening = self._next()
        if opening != "(":
            raise BadRequestError(f"found '{opening}' expected: '('")
        token = self._peek()
        if token != ")" and token != "," and not _is_identifier(token):
            raise BadRequestError(f"found '{token}', expected: ',', ')' or identifier")
        values: list[str] = []
        while True:
            values.append(self._next() if _is_identifier(self._peek()) else "")
            token = self._next()
            if token == ")":
                return values
            if token != ",":
                raise BadRequestError(f"found '{token}', expected: ',' or ')'")
