"""Tokens to a syntax tree, with macros expanded; used by `environment`.

The parser keeps its own stacks of brackets, operators and operands, and both the nesting of the
text and the depth of the tree are bounded: no text exhausts Python's stack, here or in the check
and the evaluation, which recurse over the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

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
    depth,
    qualified_name,
)
from choreo_local.cel.declarations import Expansion, Macro
from choreo_local.cel.errors import CompileError, Issue
from choreo_local.cel.lexer import ESCAPED, IDENTIFIER, RESERVED
from choreo_local.cel.yard import LEVELS, SIGN, Bracket, Operator, SyntaxFailure, Yard

MacroTable = Mapping[tuple[str, int | None, bool], Macro]

LONGEST_TEXT = 100_000
DEEPEST = 250
TOO_DEEP = "max recursion depth exceeded"

_LITERALS: Mapping[str, Callable[[str], object]] = {
    lexer.UNSIGNED: literals.unsigned,
    lexer.STRING: literals.string,
    lexer.BYTES: literals.binary,
    lexer.INTEGER: literals.integer,
    lexer.FLOAT: literals.double,
}
_CONSTANTS = {"true": True, "false": False, "null": None}
_NUMBERS = (lexer.INTEGER, lexer.FLOAT)


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
        parser = _Parser(text, macros)
        root = parser.whole()
    except (SyntaxFailure, lexer.LexerError):
        # Imported late: wording a syntax error takes a second parser, which good texts never need.
        from choreo_local.cel import diagnosis

        raise CompileError(text, diagnosis.issues(text)) from None
    except _TooDeep:
        limit = f"expression recursion limit exceeded: {DEEPEST}"
        raise CompileError(text, [Issue(-1, limit)]) from None
    if parser.issues:
        raise CompileError(text, parser.issues)
    # A tree has no more levels than the text has tokens, also where macros added some.
    if len(parser.kinds) > DEEPEST and depth(root, DEEPEST) > DEEPEST:
        raise CompileError(text, [Issue(-1, TOO_DEEP)])
    return root


class _Parser(Yard):
    """One pass over the tokens."""

    def __init__(self, text: str, macros: MacroTable) -> None:
        super().__init__()
        self.kinds, self.texts, self.positions = lexer.tokens(text)
        self.macros = macros
        self.index = 0
        self.plain = False
        self.issues: list[Issue] = []

    def whole(self) -> Node:
        """The expression that all tokens make up."""
        wants_operand = True
        while self.brackets:
            wants_operand = self.operand() if wants_operand else self.operator()
        return self.operands[0]

    def report(self, position: int, message: str) -> Node:
        """Note a complaint; the tree goes on with a constant."""
        self.issues.append(Issue(position, message))
        return Literal(position, None)

    def expect(self, kind: str) -> int:
        """Step over a token that must be of this kind; its position."""
        index = self.index
        if self.kinds[index] != kind:
            raise SyntaxFailure
        self.index = index + 1
        return self.positions[index]

    # Operands. Each method says whether an operand is wanted next.

    def operand(self) -> bool:
        """A name, a literal or an opening bracket, after signs."""
        kind = self.kinds[self.index]
        if kind in ("!", "-"):
            kind = self.signs(kind)
        if kind == IDENTIFIER or kind == ".":
            return self.named()
        if kind in _LITERALS or kind in _CONSTANTS or kind == "-":
            self.operands.append(self.literal())
            self.plain = False
            return False
        if kind == "(":
            self.open("(", ")")
            return True
        if kind == "[":
            self.open("[", "]")
            return self.item()
        if kind == "{":
            self.open("{", "}")
            return self.item()
        raise SyntaxFailure

    def signs(self, symbol: str) -> str:
        """A run of `!` or `-`; the sign of a number belongs to the number."""
        index = self.index
        if symbol == "-" and self.kinds[index + 1] in _NUMBERS:
            return symbol
        while self.kinds[self.index] == symbol:
            self.index += 1
        if (self.index - index) % 2:
            self.operators.append(Operator(SIGN, symbol, self.positions[index]))
        kind = self.kinds[self.index]
        if kind == "!" or (kind == "-" and self.kinds[self.index + 1] not in _NUMBERS):
            raise SyntaxFailure
        return kind

    def named(self) -> bool:
        """An identifier or a call of a function; a leading dot asks for the root."""
        index = self.index
        position = self.positions[index]
        prefix = ""
        if self.kinds[index] == ".":
            prefix = "."
            index += 1
            if self.kinds[index] != IDENTIFIER:
                raise SyntaxFailure
        word = self.texts[index]
        self.index = index + 1
        node: Node = Ident(position, prefix + word)
        if word in RESERVED and not self.names_message(index):
            node = self.report(position, f"reserved identifier: {word}")
        if self.kinds[index + 1] == "(":
            return self.open_call(prefix + word, None)
        self.operands.append(node)
        self.plain = True
        return False

    def names_message(self, index: int) -> bool:
        """Whether an identifier begins the name of a message."""
        kinds = self.kinds
        while kinds[index + 1] == "." and kinds[index + 2] == IDENTIFIER:
            index += 2
        return kinds[index + 1] == "{"

    def literal(self) -> Node:
        """A constant."""
        index = self.index
        kind, text, position = self.kinds[index], self.texts[index], self.positions[index]
        self.index = index + 1
        if kind in _CONSTANTS:
            return Literal(position, _CONSTANTS[kind])
        if kind == "-":
            kind, text = self.kinds[index + 1], "-" + self.texts[index + 1]
            self.index = index + 2
        try:
            return Literal(position, _LITERALS[kind](text))
        except literals.LiteralError as error:
            return self.report(position, str(error))

    # Brackets.

    def open(self, form: str, closing: str) -> Bracket:
        """Step into a bracket."""
        if len(self.brackets) > DEEPEST:
            raise _TooDeep
        bracket = Bracket(form, closing, self.positions[self.index], len(self.operators))
        self.brackets.append(bracket)
        self.index += 1
        return bracket

    def open_call(self, name: str, target: Node | None) -> bool:
        """Step into the arguments of a call."""
        bracket = self.open("f(", ")")
        bracket.name, bracket.target = name, target
        if self.kinds[self.index] == ")":
            self.close(bracket)
            return False
        return True

    def item(self) -> bool:
        """What may stand where an element or an entry begins."""
        bracket = self.brackets[-1]
        kind = self.kinds[self.index]
        if kind == "," and not (bracket.nodes or bracket.entries):
            # `[,]` and `{,}` are empty.
            self.index += 1
            kind = self.kinds[self.index]
            if kind != bracket.closing:
                raise SyntaxFailure
        if kind == bracket.closing:
            self.close(bracket)
            return False
        if kind == "?":
            self.index += 1
            bracket.optional.append(len(bracket.nodes) or len(bracket.entries))
        if bracket.form == "A{":
            position = self.positions[self.index]
            key = Literal(position, self.field())
            bracket.key = key, self.expect(":")
        return True

    def field(self) -> str:
        """A field's name, possibly in backquotes."""
        index = self.index
        self.index = index + 1
        if self.kinds[index] == ESCAPED:
            return self.texts[index][1:-1]
        if self.kinds[index] != IDENTIFIER:
            raise SyntaxFailure
        return self.texts[index]

    def close(self, bracket: Bracket) -> None:
        """Step out of a bracket, with the node that it stands for."""
        self.index += 1
        self.brackets.pop()
        self.plain = False
        form, position, nodes = bracket.form, bracket.position, bracket.nodes
        node: Node
        if form in ("(", ""):
            node = nodes[0]
        elif form == "f(":
            node = self.call(bracket)
        elif form == "[":
            node = ListLiteral(position, nodes, frozenset(bracket.optional))
        elif form == "a[":
            assert bracket.target is not None
            node = Call(position, bracket.name, [bracket.target, nodes[0]])
        elif form == "{":
            node = MapLiteral(position, bracket.entries)
        else:
            node = Message(position, bracket.name, bracket.entries)
        self.operands.append(node)

    def call(self, bracket: Bracket) -> Node:
        """A call, or what a macro makes of it."""
        name, target, arguments = bracket.name, bracket.target, bracket.nodes
        member = target is not None
        macros = self.macros
        macro = macros.get((name, len(arguments), member)) or macros.get((name, None, member))
        if macro is not None:
            made = macro.expand(Expansion(bracket.position, self.report), target, arguments)
            if made is not None:
                return made
        return Call(bracket.position, name, arguments, target)

    # Operators and what else follows an operand.

    def operator(self) -> bool:
        """A selection, an operator, a separator or a closing bracket."""
        kind = self.kinds[self.index]
        level = LEVELS.get(kind)
        if level is not None:
            self.reduce(level)
            self.operators.append(Operator(level, kind, self.positions[self.index]))
            self.index += 1
            return True
        if kind == ".":
            return self.selection()
        if kind == "[":
            return self.indexed()
        if kind == "?" or kind == ":":
            return self.question() if kind == "?" else self.colon()
        if kind == "{" and self.plain:
            return self.message()
        return self.separator(kind)

    def selection(self) -> bool:
        """`.b`, `.?b` or `.b(c)`."""
        position = self.positions[self.index]
        self.index += 1
        operand = self.operands[-1]
        kind = self.kinds[self.index]
        if kind == "?":
            self.index += 1
            field = Literal(position, self.field())
            self.operands[-1] = Call(position, "_?._", [operand, field])
            self.plain = False
            return False
        if kind == IDENTIFIER and self.kinds[self.index + 1] == "(":
            name = self.texts[self.index]
            self.index += 1
            return self.open_call(name, self.operands.pop())
        self.plain = self.plain and kind == IDENTIFIER
        self.operands[-1] = Select(position, operand, self.field())
        return False

    def indexed(self) -> bool:
        """`[b]` or `[?b]`."""
        bracket = self.open("a[", "]")
        bracket.target = self.operands.pop()
        bracket.name = "_[_]"
        if self.kinds[self.index] == "?":
            self.index += 1
            bracket.name = "_[?_]"
        return True

    def message(self) -> bool:
        """`{b: c}` after the name of a type."""
        name = qualified_name(self.operands.pop())
        assert name is not None
        self.open("A{", "}").name = name
        return self.item()

    def question(self) -> bool:
        """The `?` of a condition, which ends where another one could begin."""
        self.reduce(0)
        bracket = self.brackets[-1]
        if len(self.operators) > bracket.base and self.operators[-1].symbol == "?":
            raise SyntaxFailure
        self.operators.append(Operator(-1, "?", self.positions[self.index]))
        self.index += 1
        return True

    def colon(self) -> bool:
        """The `:` of a condition or after the key of an entry."""
        self.reduce(0)
        bracket = self.brackets[-1]
        if len(self.operators) > bracket.base and self.operators[-1].symbol == "?":
            self.operators.append(self.operators.pop()._replace(symbol="?:"))
        elif bracket.form == "{" and bracket.key is None:
            bracket.key = self.complete(bracket), self.positions[self.index]
        else:
            raise SyntaxFailure
        self.index += 1
        return True

    def separator(self, kind: str) -> bool:
        """A comma or the closing of the current bracket."""
        bracket = self.brackets[-1]
        if kind != bracket.closing and (kind != "," or bracket.form in ("", "(", "a[")):
            raise SyntaxFailure
        node = self.complete(bracket)
        if bracket.closing == "}":
            if bracket.key is None:
                raise SyntaxFailure
            key, colon = bracket.key
            is_optional = len(bracket.entries) in bracket.optional
            bracket.entries.append(Entry(colon, key, node, optional=is_optional))
            bracket.key = None
        else:
            bracket.nodes.append(node)
        if kind == bracket.closing:
            self.close(bracket)
            return False
        self.index += 1
        return self.item() if bracket.form != "f(" else True
