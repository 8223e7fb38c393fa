"""Tokens to a syntax tree, with macros expanded; used by `environment`.

Depth is bounded, so that neither this nor the check nor the evaluation of what it accepts can
exhaust the stack.
"""

from __future__ import annotations

from collections.abc import Mapping

from choreo_local.cel import lexer, literals
from choreo_local.cel.ast import (
    Call,
    Entry,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Message,
    Node,
    Select,
    children,
    qualified_name,
)
from choreo_local.cel.declarations import Expansion, Macro
from choreo_local.cel.errors import CompileError, Issue
from choreo_local.cel.lexer import END, ESCAPED, IDENTIFIER, RESERVED

MacroTable = Mapping[tuple[str, int | None, bool], Macro]

LONGEST_TEXT = 100_000
DEEPEST = 250
_TOO_DEEP = f"expression recursion limit exceeded: {DEEPEST}"

_LEVELS = {
    "||": 1,
    "&&": 2,
    "<": 3,
    "<=": 3,
    ">=": 3,
    ">": 3,
    "==": 3,
    "!=": 3,
    "in": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
}
OPERATORS = {symbol: f"_{symbol}_" for symbol in _LEVELS} | {"in": "@in"}
_LITERALS = {
    lexer.UNSIGNED: literals.unsigned,
    lexer.STRING: literals.string,
    lexer.BYTES: literals.binary,
    lexer.INTEGER: literals.integer,
    lexer.FLOAT: literals.double,
}
_CONSTANTS = {"true": True, "false": False, "null": None}


class SyntaxFailure(Exception):
    """The text does not follow the grammar; internal, `diagnosis` words it."""


class _TooDeep(Exception):
    """The text nests too deeply."""


def parse(text: str, macros: MacroTable) -> Node:
    """The tree of an expression.

    Raises:
        CompileError: the text does not follow the grammar, or a macro refuses its arguments.
    """
    if len(text) > LONGEST_TEXT:
        size = f"size: {len(text)}, limit {LONGEST_TEXT}"
        raise CompileError(text, [Issue(-1, f"expression code point size exceeds limit: {size}")])
    try:
        return _parse(text, macros)
    except (_TooDeep, RecursionError):
        raise CompileError(text, [Issue(-1, _TOO_DEEP)]) from None


def _parse(text: str, macros: MacroTable) -> Node:
    try:
        parser = _Parser(lexer.tokens(text), macros)
        root = parser.whole()
    except (SyntaxFailure, lexer.LexerError):
        # Imported late: wording a syntax error takes a second parser, which good texts never need.
        from choreo_local.cel import diagnosis

        raise CompileError(text, diagnosis.issues(text)) from None
    if parser.issues:
        raise CompileError(text, parser.issues)
    if _depth(root) > DEEPEST:
        raise _TooDeep
    return root


class _Parser:
    """One pass over the tokens."""

    def __init__(self, tokens: list[lexer.Token], macros: MacroTable) -> None:
        self.tokens = tokens
        self.macros = macros
        self.index = 0
        self.kind = tokens[0].kind
        self.depth = 0
        self.issues: list[Issue] = []

    def whole(self) -> Node:
        """The expression that all tokens make up."""
        node = self.expression()
        if self.kind != END:
            raise SyntaxFailure
        return node

    def advance(self) -> lexer.Token:
        """Step over the current token."""
        token = self.tokens[self.index]
        self.index += 1
        self.kind = self.tokens[self.index].kind
        return token

    def expect(self, kind: str) -> lexer.Token:
        """Step over a token that must be of this kind."""
        if self.kind != kind:
            raise SyntaxFailure
        return self.advance()

    def report(self, position: int, message: str) -> Node:
        """Note a complaint; the tree goes on with a constant."""
        self.issues.append(Issue(position, message))
        return Literal(position, None)

    def expression(self) -> Node:
        """`a ? b : c` and all that binds closer."""
        self.depth += 1
        # A bracket takes up to eight levels of this parser's own calls.
        if self.depth > DEEPEST:
            raise _TooDeep
        node = self.binary(1)
        if self.kind == "?":
            position = self.advance().position
            then = self.binary(1)
            self.expect(":")
            node = Call(position, "_?_:_", [node, then, self.expression()])
        self.depth -= 1
        return node

    def binary(self, level: int) -> Node:
        """Operators that bind at least as close as a level."""
        left = self.unary()
        while True:
            symbol = self.kind
            found = _LEVELS.get(symbol, 0)
            if found < level or not found:
                return left
            if found <= 2:
                left = self.logical(left, symbol, found)
                continue
            position = self.advance().position
            right = self.binary(found + 1)
            left = Call(position, OPERATORS[symbol], [left, right])

    def logical(self, first: Node, symbol: str, level: int) -> Node:
        """A chain of `&&` or `||` as a tree of least depth."""
        terms = [first]
        positions: list[int] = []
        while self.kind == symbol:
            positions.append(self.advance().position)
            terms.append(self.binary(level + 1))
        return _balanced(OPERATORS[symbol], terms, positions)

    def unary(self) -> Node:
        """`!a`, `-a` and all that binds closer; signs of numbers belong to the numbers."""
        symbol = self.kind
        if symbol not in ("!", "-"):
            return self.member()
        position = self.tokens[self.index].position
        if symbol == "-" and self.tokens[self.index + 1].kind in (lexer.INTEGER, lexer.FLOAT):
            return self.member()
        count = 0
        while self.kind == symbol:
            self.advance()
            count += 1
        node = self.member()
        return Call(position, f"{symbol}_", [node]) if count % 2 else node

    def member(self) -> Node:
        """`a.b`, `a.?b`, `a.b(c)`, `a[b]`, `a[?b]`, `a.B{c: d}`."""
        plain = self.kind in (IDENTIFIER, ".")
        node = self.primary()
        while True:
            if self.kind == ".":
                node, plain = self.selection(node), plain and self.kind != "?"
            elif self.kind == "[":
                node, plain = self.indexed(node), False
            elif self.kind == "{" and plain and (name := qualified_name(node)) is not None:
                node, plain = self.message(name), False
            else:
                return node

    def selection(self, operand: Node) -> Node:
        """What follows a dot."""
        position = self.advance().position
        if self.kind == "?":
            self.advance()
            field = self.field()
            return Call(position, "_?._", [operand, Literal(position, field)])
        if self.kind == IDENTIFIER and self.tokens[self.index + 1].kind == "(":
            name = self.advance().text
            opening, arguments = self.arguments()
            return self.call(opening, name, arguments, target=operand)
        return Select(position, operand, self.field())

    def field(self) -> str:
        """A field's name, possibly in backquotes."""
        if self.kind == ESCAPED:
            return self.advance().text[1:-1]
        return self.expect(IDENTIFIER).text

    def arguments(self) -> tuple[int, list[Node]]:
        """`(a, b)` and the position of its opening."""
        opening = self.expect("(").position
        found: list[Node] = []
        if self.kind != ")":
            found.append(self.expression())
            while self.kind == ",":
                self.advance()
                found.append(self.expression())
        self.expect(")")
        return opening, found

    def call(
        self, position: int, name: str, arguments: list[Node], *, target: Node | None = None
    ) -> Node:
        """A call, or what a macro makes of it."""
        member = target is not None
        macro = self.macros.get((name, len(arguments), member)) or self.macros.get(
            (name, None, member)
        )
        if macro is not None:
            made = macro.expand(Expansion(position, self.report), target, arguments)
            if made is not None:
                return made
        return Call(position, name, arguments, target)

    def indexed(self, operand: Node) -> Node:
        """`a[b]` and `a[?b]`."""
        position = self.advance().position
        function = "_[_]"
        if self.kind == "?":
            self.advance()
            function = "_[?_]"
        index = self.expression()
        self.expect("]")
        return Call(position, function, [operand, index])

    def primary(self) -> Node:
        """Literals, names, calls of functions, brackets of all kinds."""
        kind = self.kind
        if kind in (IDENTIFIER, "."):
            return self.name()
        if kind in _LITERALS or kind in _CONSTANTS or kind == "-":
            return self.literal()
        if kind == "(":
            self.advance()
            node = self.expression()
            self.expect(")")
            return node
        if kind == "[":
            return self.list_literal()
        if kind == "{":
            return self.map_literal()
        raise SyntaxFailure

    def name(self) -> Node:
        """An identifier or a call of a function; a leading dot asks for the root."""
        first = self.tokens[self.index]
        prefix = ""
        if first.kind == ".":
            self.advance()
            prefix = "."
        token = self.expect(IDENTIFIER)
        if token.text in RESERVED:
            return self.report(token.position, f"reserved identifier: {token.text}")
        name = prefix + token.text
        if self.kind == "(":
            opening, arguments = self.arguments()
            return self.call(opening, name, arguments)
        return Ident(first.position if prefix else token.position, name)

    def literal(self) -> Node:
        """A constant."""
        token = self.advance()
        if token.kind in _CONSTANTS:
            return Literal(token.position, _CONSTANTS[token.kind])
        kind, text = token.kind, token.text
        if kind == "-":
            number = self.advance()
            kind, text = number.kind, "-" + number.text
        try:
            return Literal(token.position, _LITERALS[kind](text))
        except literals.LiteralError as error:
            return self.report(token.position, str(error))

    def optional_mark(self) -> bool:
        """Whether a `?` stands here; steps over it."""
        if self.kind != "?":
            return False
        self.advance()
        return True

    def list_literal(self) -> Node:
        """`[a, ?b,]`."""
        position = self.advance().position
        elements: list[Node] = []
        optional: list[int] = []
        while self.kind != "]" and not (elements and self.kind == END):
            if self.kind == "," and not elements:
                # `[,]` is an empty list.
                self.advance()
                break
            if self.optional_mark():
                optional.append(len(elements))
            elements.append(self.expression())
            if self.kind != ",":
                break
            self.advance()
        self.expect("]")
        return ListLiteral(position, elements, frozenset(optional))

    def map_literal(self) -> Node:
        """`{a: b, ?c: d,}`."""
        position = self.advance().position
        return MapLiteral(position, self.entries(fields=False))

    def message(self, name: str) -> Node:
        """`{a: b}` after the name of a type."""
        position = self.advance().position
        return Message(position, name, self.entries(fields=True))

    def entries(self, *, fields: bool) -> list[Entry]:
        """What stands in braces, and the closing one."""
        found: list[Entry] = []
        while self.kind != "}":
            if self.kind == "," and not found:
                # `{,}` is an empty map.
                self.advance()
                break
            optional = self.optional_mark()
            start = self.tokens[self.index].position
            key = Literal(start, self.field()) if fields else self.expression()
            colon = self.expect(":").position
            found.append(Entry(colon, key, self.expression(), optional=optional))
            if self.kind != ",":
                break
            self.advance()
        self.expect("}")
        return found


def _balanced(function: str, terms: list[Node], positions: list[int]) -> Node:
    if len(positions) == 1:
        return Call(positions[0], function, terms)
    middle = len(positions) // 2
    left, right = terms[: middle + 1], terms[middle + 1 :]
    return Call(
        positions[middle],
        function,
        [
            _balanced(function, left, positions[:middle]) if middle else left[0],
            _balanced(function, right, positions[middle + 1 :]) if len(right) > 1 else right[0],
        ],
    )


def _depth(root: Node) -> int:
    deepest = 0
    level = [root]
    while level:
        deepest += 1
        if deepest > DEEPEST:
            return deepest
        level = [child for node in level for child in children(node)]
    return deepest
