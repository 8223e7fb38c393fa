"""The grammar of the language, as ANTLR runs it for cel-go."""

from __future__ import annotations

from choreo_local.cel.diagnosis.automaton import (
    END,
    Grammar,
    call,
    choice,
    optional,
    plus,
    sequence,
    star,
    token,
)
from choreo_local.cel.lexer import (
    BYTES,
    ESCAPED,
    FLOAT,
    IDENTIFIER,
    INTEGER,
    STRING,
    UNSIGNED,
)

_COMPARISONS = ("<", "<=", ">=", ">", "==", "!=", "in")
_PRODUCTS = ("*", "/", "%")
_SUMS = ("+", "-")

_FIELD_ENTRY = sequence(call("optField"), token(":"), call("expr"))
_MAP_ENTRY = sequence(call("optExpr"), token(":"), call("expr"))
_ARGUMENTS = sequence(token("("), optional(call("exprList")), token(")"))
_MARK = optional(token("?"))
_SIGN = optional(token("-"))
_COMMA = optional(token(","))

GRAMMAR = Grammar(
    {
        "start": sequence(call("expr"), token(END)),
        "expr": sequence(
            call("conditionalOr"),
            optional(sequence(token("?"), call("conditionalOr"), token(":"), call("expr"))),
        ),
        "conditionalOr": sequence(
            call("conditionalAnd"),
            star(sequence(token("||"), call("conditionalAnd")), simple=True),
        ),
        "conditionalAnd": sequence(
            call("relation"), star(sequence(token("&&"), call("relation")), simple=True)
        ),
        "relation": sequence(
            call("calc"),
            star(
                sequence(token(*_COMPARISONS), call("relation", 2)),
                operators=dict.fromkeys(_COMPARISONS, 1),
            ),
        ),
        "calc": sequence(
            call("unary"),
            star(
                choice(
                    sequence(token(*_PRODUCTS), call("calc", 3)),
                    sequence(token(*_SUMS), call("calc", 2)),
                ),
                operators=dict.fromkeys(_PRODUCTS, 2) | dict.fromkeys(_SUMS, 1),
            ),
        ),
        "unary": choice(
            call("member"),
            sequence(plus(token("!"), simple=True), call("member")),
            sequence(plus(token("-")), call("member")),
        ),
        "member": sequence(
            call("primary"),
            star(
                choice(
                    sequence(token("."), _MARK, call("escapeIdent")),
                    sequence(token("."), token(IDENTIFIER), _ARGUMENTS),
                    sequence(token("["), _MARK, call("expr"), token("]")),
                )
            ),
        ),
        "primary": choice(
            sequence(optional(token(".")), token(IDENTIFIER)),
            sequence(optional(token(".")), token(IDENTIFIER), _ARGUMENTS),
            sequence(token("("), call("expr"), token(")")),
            sequence(token("["), optional(call("listInit")), _COMMA, token("]")),
            sequence(token("{"), optional(call("mapInitializerList")), _COMMA, token("}")),
            sequence(
                optional(token(".")),
                token(IDENTIFIER),
                star(sequence(token("."), token(IDENTIFIER)), simple=True),
                token("{"),
                optional(call("fieldInitializerList")),
                _COMMA,
                token("}"),
            ),
            call("literal"),
        ),
        "exprList": sequence(call("expr"), star(sequence(token(","), call("expr")), simple=True)),
        "listInit": sequence(call("optExpr"), star(sequence(token(","), call("optExpr")))),
        "fieldInitializerList": sequence(_FIELD_ENTRY, star(sequence(token(","), _FIELD_ENTRY))),
        "optField": sequence(_MARK, call("escapeIdent")),
        "mapInitializerList": sequence(_MAP_ENTRY, star(sequence(token(","), _MAP_ENTRY))),
        "escapeIdent": choice(token(IDENTIFIER), token(ESCAPED), simple=True),
        "optExpr": sequence(_MARK, call("expr")),
        "literal": choice(
            sequence(_SIGN, token(INTEGER)),
            token(UNSIGNED),
            sequence(_SIGN, token(FLOAT)),
            token(STRING),
            token(BYTES),
            token("true"),
            token("false"),
            token("null"),
        ),
    }
)

# In the order in which messages list them; symbols are shown in quotes.
_SYMBOLS = (
    "== != in < <= >= > && || [ ] { } ( ) . , - ! ? : + * / % true false null".split()  # noqa: SIM905
)
_NAMED = (FLOAT, INTEGER, UNSIGNED, STRING, BYTES, IDENTIFIER, ESCAPED)
_SHOWN = (
    {END: END} | {symbol: f"'{symbol}'" for symbol in _SYMBOLS} | {name: name for name in _NAMED}
)
_ORDER = {kind: place for place, kind in enumerate(_SHOWN)}


def shown(kinds: frozenset[str]) -> str:
    """A set of tokens in a message."""
    names = [_SHOWN[kind] for kind in sorted(kinds, key=_ORDER.__getitem__)]
    return names[0] if len(names) == 1 else f"{{{', '.join(names)}}}"
