from __future__ import annotations

from typing import Any

import pytest

from choreo_local.cel import parser
from choreo_local.cel.ast import (
    Call,
    Comprehension,
    Ident,
    ListLiteral,
    Literal,
    MapLiteral,
    Message,
    Node,
    Select,
)
from choreo_local.cel.errors import CompileError
from tests.cel.expressions import complaints, evaluate


def outline(node: Node | None) -> str:
    """A tree in one line."""
    match node:
        case Literal():
            return repr(node.value)
        case Ident():
            return node.name
        case Select():
            return f"({outline(node.operand)}).{node.field}{'~test' if node.test else ''}"
        case Call():
            target = [node.target] if node.target else []
            return f"{node.function}({', '.join(map(outline, target + node.arguments))})"
        case ListLiteral():
            return f"[{', '.join(map(outline, node.elements))}]"
        case MapLiteral() | Message():
            name = node.name if isinstance(node, Message) else ""
            pairs = [f"{outline(entry.key)}: {outline(entry.value)}" for entry in node.entries]
            return f"{name}{{{', '.join(pairs)}}}"
        case Comprehension():
            return f"{node.shape}({outline(node.range)}, {node.variable})"
    raise AssertionError(node)


def parsed(text: str) -> Node:
    return parser.parse(text, {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * c", "_+_(a, _*_(b, c))"),
        ("a * b + c", "_+_(_*_(a, b), c)"),
        ("a - b - c", "_-_(_-_(a, b), c)"),
        ("a < b == c", "_==_(_<_(a, b), c)"),
        ("a in b in c", "@in(@in(a, b), c)"),
        ("a || b && c", "_||_(a, _&&_(b, c))"),
        ("a ? b : c ? d : e", "_?_:_(a, b, _?_:_(c, d, e))"),
        ("a ? b ? c : d : e".replace("b ? c : d", "(b ? c : d)"), "_?_:_(a, _?_:_(b, c, d), e)"),
        ("a || b ? c : d", "_?_:_(_||_(a, b), c, d)"),
        ("!a.b", "!_((a).b)"),
        ("!!a", "a"),
        ("!!!a", "!_(a)"),
        ("--a", "a"),
        ("-1", "-1"),
        ("--1", "1"),
        ("1 - 1", "_-_(1, 1)"),
        ("1 -1", "_-_(1, 1)"),
        ("-a[0]", "-_(_[_](a, 0))"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("(a)", "a"),
        ("a.b.c", "((a).b).c"),
        ("a.`b-c`.d", "((a).b-c).d"),
        ("a.b(c)", "b(a, c)"),
        (".a.b", "(.a).b"),
        (".f(a)", ".f(a)"),
        ("a[?b]", "_[?_](a, b)"),
        ("a.?b", "_?._(a, 'b')"),
        ("[a, b,]", "[a, b]"),
        ("[,]", "[]"),
        ("{a: b, c: d,}", "{a: b, c: d}"),
        ("a.b{c: d}", "a.b{'c': d}"),
        ("f()", "f()"),
        ("f(a, b)(c)".replace("(c)", "[c]"), "_[_](f(a, b), c)"),
        ("{}.a", "({}).a"),
        ("a // comment\n + b", "_+_(a, b)"),
        ("a.in_", "(a).in_"),
    ],
)
def test_operators_bind_as_the_grammar_says(text: str, expected: str) -> None:
    assert outline(parsed(text)) == expected


def test_a_long_chain_of_conditions_makes_a_shallow_tree() -> None:
    text = " && ".join(f"a{number}" for number in range(4000))

    root: Any = parsed(text)

    depth = 0
    while isinstance(root, Call):
        root, depth = root.arguments[0], depth + 1
    assert depth < 14


def test_macros_of_the_language_become_loops() -> None:
    root = parser.parse("a.all(b, b.c)", {})

    # Without macros it is a call like any other.
    assert outline(root) == "all(a, b, (b).c)"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 250 + "1" + ")" * 250,
        "[" * 249 + "]" * 249,
        "1" + " + 1" * 248,
        "a" + ".b" * 248,
        "!(" * 100 + "true" + ")" * 100,
    ],
)
def test_depth_up_to_the_limit_is_accepted(text: str) -> None:
    assert parsed(text) is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 1000 + "1" + ")" * 1000, "expression recursion limit exceeded: 250"),
        ("[" * 50_000, "expression recursion limit exceeded: 250"),
        ("f(" * 30_000 + ")" * 30_000, "expression recursion limit exceeded: 250"),
        ("{1:" * 30_000, "expression recursion limit exceeded: 250"),
        ("1" + " + 1" * 10_000, "max recursion depth exceeded"),
        ("a" + ".b" * 10_000, "max recursion depth exceeded"),
        ("a" + "[0]" * 10_000, "max recursion depth exceeded"),
        ("a ? b : " * 10_000 + "c", "max recursion depth exceeded"),
        ("true" + " == true" * 300, "max recursion depth exceeded"),
    ],
)
def test_greater_depth_is_a_complaint_and_no_crash(text: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        parsed(text)

    assert caught.value.message == f"ERROR: <input>:-1:0: {message}"


def test_depth_counts_what_macros_add() -> None:
    text = "[1]" + ".map(x, x)" * 130

    assert complaints(text + ".map(x, x)" * 130) == ["-1:0 max recursion depth exceeded"]
    assert evaluate("[1]" + ".map(x, x)" * 60) == [1]


def test_a_text_has_a_greatest_length() -> None:
    with pytest.raises(CompileError, match="code point size exceeds limit: size: 100001, limit"):
        parsed("1" + " " * 100_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("if", ["1:1 reserved identifier: if"]),
        (".if", ["1:1 reserved identifier: if"]),
        ("1 + while(1)", ["1:5 reserved identifier: while"]),
        (
            "[1].map(var, var)",
            [
                "1:9 reserved identifier: var",
                "1:9 argument is not an identifier",
                "1:14 reserved identifier: var",
            ],
        ),
        ("import{}", ["1:7 undeclared reference to 'import' (in container '')"]),
        ("if.else{}", ["1:8 undeclared reference to 'if.else' (in container '')"]),
    ],
)
def test_reserved_words_are_no_names_of_values(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


def test_reserved_words_are_names_of_fields() -> None:
    assert evaluate("a.if.for", a={"if": {"for": "x"}}) == "x"


def test_positions_count_characters_and_lines() -> None:
    assert complaints("'é😀' + \n   x") == ["2:4 undeclared reference to 'x' (in container '')"]
    assert complaints("'''a\nb''' +\n\ty") == ["3:2 undeclared reference to 'y' (in container '')"]
