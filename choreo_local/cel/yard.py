"""Operators and operands to nodes: the half of the parser that knows what binds how closely."""

from __future__ import annotations

from typing import NamedTuple

from choreo_local.cel.ast import Call, Entry, Node
from choreo_local.cel.lexer import END

# How close an operator binds; `?` and `:` less than all of these, signs more.
LEVELS = {
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
_LOGICAL = 2
SIGN = 6
_FUNCTIONS = {symbol: f"_{symbol}_" for symbol in LEVELS} | {"in": "@in"}


class SyntaxFailure(Exception):
    """The text does not follow the grammar; internal, `diagnosis` words it."""


class Operator(NamedTuple):
    """An operator whose right side is not complete."""

    level: int
    symbol: str
    position: int


class Bracket:
    """An open bracket and what was read in it.

    Attributes:
        form: its opening in the grammar: `(`, `f(`, `[`, `a[`, `{`, `A{`, or nothing at the root.
        closing: the token that ends it.
        base: how many operators stand before it.
        nodes: complete expressions in it.
        optional: indexes of the expressions after a question mark.
        name: of the function or of the message.
        target: of the method or of the index.
    """

    __slots__ = (
        "base",
        "closing",
        "entries",
        "form",
        "key",
        "name",
        "nodes",
        "optional",
        "position",
        "target",
    )

    def __init__(self, form: str, closing: str, position: int, base: int) -> None:
        self.form = form
        self.closing = closing
        self.position = position
        self.base = base
        self.nodes: list[Node] = []
        self.optional: list[int] = []
        self.entries: list[Entry] = []
        self.key: tuple[Node, int] | None = None
        self.name = ""
        self.target: Node | None = None


class Yard:
    """Brackets, operators and operands that wait for what comes after them.

    Attributes:
        brackets: the open ones, the root first.
        operators: those whose right side is not complete.
        operands: the complete nodes.
    """

    def __init__(self) -> None:
        self.brackets = [Bracket("", END, 0, 0)]
        self.operators: list[Operator] = []
        self.operands: list[Node] = []

    def complete(self, bracket: Bracket) -> Node:
        """The expression that ends here, with all its conditions."""
        self.reduce(0)
        while len(self.operators) > bracket.base:
            operator = self.operators.pop()
            if operator.symbol != "?:":
                raise SyntaxFailure
            otherwise, then = self.operands.pop(), self.operands.pop()
            condition = self.operands.pop()
            self.operands.append(Call(operator.position, "_?_:_", [condition, then, otherwise]))
        return self.operands.pop()

    def reduce(self, level: int) -> None:
        """Apply the operators of this bracket that bind at least as close as a level."""
        operators, operands = self.operators, self.operands
        base = self.brackets[-1].base
        while len(operators) > base:
            top = operators[-1].level
            if top < level or top < 0 or (top == level and top <= _LOGICAL):
                return
            if top <= _LOGICAL:
                self.reduce_chain(top)
                continue
            operator = operators.pop()
            right = operands.pop()
            if top == SIGN:
                operands.append(Call(operator.position, operator.symbol + "_", [right]))
            else:
                function = _FUNCTIONS[operator.symbol]
                operands[-1] = Call(operator.position, function, [operands[-1], right])

    def reduce_chain(self, level: int) -> None:
        """A chain of `&&` or of `||` to a tree of the least depth."""
        base = self.brackets[-1].base
        count = 0
        while len(self.operators) - count > base and self.operators[-1 - count].level == level:
            count += 1
        chain = self.operators[-count:]
        terms = self.operands[-count - 1 :]
        del self.operators[-count:], self.operands[-count - 1 :]
        self.operands.append(_balanced(_FUNCTIONS[chain[0].symbol], terms, chain))


def _balanced(function: str, terms: list[Node], chain: list[Operator]) -> Node:
    if not chain:
        return terms[0]
    middle = len(chain) // 2
    left = _balanced(function, terms[: middle + 1], chain[:middle])
    right = _balanced(function, terms[middle + 1 :], chain[middle + 1 :])
    return Call(chain[middle].position, function, [left, right])
