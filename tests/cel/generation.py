"""Expressions by the thousand: made along the types of all functions, and damaged ones.

Deterministic: the same seed gives the same texts. Used by `test_fuzz`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from choreo_local.cel import libraries, types
from choreo_local.cel.declarations import Overload
from choreo_local.cel.types import Kind, Type

# What an expression may mention, and of which type it is.
VARIABLES: dict[str, Type] = {
    "metadata": types.DYN,
    "parameters": types.DYN,
    "items": types.list_of(types.DYN),
    "names": types.list_of(types.STRING),
    "ports": types.map_of(types.STRING, types.INT),
    "count": types.INT,
    "ratio": types.DOUBLE,
    "started": types.TIMESTAMP,
    "maybe": types.optional_of(types.STRING),
}
_SCALARS = (types.INT, types.UINT, types.DOUBLE, types.STRING, types.BOOL, types.BYTES, types.DYN)
_LITERALS: dict[Kind, tuple[str, ...]] = {
    Kind.INT: ("0", "1", "-1", "7", "0x1f", "9223372036854775807", "-9223372036854775808"),
    Kind.UINT: ("0u", "1u", "18446744073709551615u"),
    Kind.DOUBLE: ("0.0", "1.5", "-2e10", "1e308", ".5"),
    Kind.STRING: ("''", "'a'", '"b\\n"', "r'\\d+'", "'é𝄞'", "'%s %d'", "'10Mi'", "'a,b,c'"),
    Kind.BYTES: ("b''", "b'a\\xff'", "b'YQ=='"),
    Kind.BOOL: ("true", "false"),
    Kind.NULL: ("null",),
    Kind.TIMESTAMP: ("timestamp('2024-02-29T12:00:00Z')", "started", "timestamp(0)"),
    Kind.DURATION: ("duration('90s')", "duration('-1h')"),
    Kind.TYPE: ("int", "string", "list", "type(1)"),
    Kind.DYN: ("metadata", "parameters.port", "parameters.env", "parameters.nosuch", "dyn(1)"),
}
_PATTERNS = {"!_": "!{}", "-_": "-{}", "_[_]": "{}[{}]", "_[?_]": "{}[?{}]", "@in": "{} in {}"}
_TERNARY = "_?_:_"
_MACROS = (
    "{list}.all(x, {bool})",
    "{list}.exists(x, {bool})",
    "{list}.exists_one(x, {bool})",
    "{map}.all(k, v, {bool})",
    "{list}.existsOne(i, x, {bool})",
    "has(parameters.{name})",
    "has({map}.{name}.{name})",
)
_BUILDERS = (
    "{list}.filter(x, {bool})",
    "{list}.map(x, {any})",
    "{list}.map(x, {bool}, {any})",
    "{list}.transformList(i, x, {any})",
    "{map}.transformMap(k, v, {bool}, {any})",
    "{map}.transformMapEntry(k, v, {{string(k): {any}}})",
    "{list}.sortBy(x, {int})",
    "cel.bind(x, {any}, {any})",
    "{dyn}.?{name}.optMap(x, {any})",
    "{dyn}.?{name}.orValue({any})",
)
_NAMES = ("name", "port", "env", "a", "nosuch", "`a-b`")
_TOKENS: tuple[str, ...] = (
    *"()[]{}.,:?+-*/%!<>=&|'\"\\@#$~^`;",
    *("&&", "||", "==", "!=", "<=", ">=", " in ", "null", "true", "1", "0u", "1.", "1e", "0x"),
    *("'", "'''", 'b"', "r'", "\\u12", "\\x", "//", "\n", "\t", "\r", "\x00", "é", "𝄞", "\u2028"),
    *("has(", ".map(", "x", "in", "as", "package", "google.protobuf.", "9" * 40, "'%.99f'"),
    *(".?", "[?", "{?", "optional.none()", "optional.of(", "type(", "dyn(", "size("),
)


class Maker:
    """Makes expressions from a source of randomness."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def expression(self) -> str:
        """One expression of any type."""
        return self.of(self._random.choice(_SCALARS), self._random.randint(1, 5))

    def of(self, wanted: Type, depth: int) -> str:
        """An expression that mostly has the type."""
        choose = self._random.random
        if choose() < 0.02:
            wanted = self._random.choice(_SCALARS)
        if depth <= 0 or choose() < 0.15:
            return self._leaf(wanted)
        if choose() < 0.2:
            return self._macro(wanted, depth - 1)
        candidates = _BY_RESULT.get(_key(wanted)) or _ANYTHING
        if choose() < 0.03:
            candidates = _ANYTHING
        name, overload = self._random.choice(candidates)
        return self._call(name, overload, wanted, depth - 1)

    def _leaf(self, wanted: Type) -> str:
        choice = self._random.choice
        if wanted.kind is Kind.LIST:
            elements = [self._leaf(wanted.parameters[0]) for _ in range(choice((0, 1, 2, 5)))]
            return choice((f"[{', '.join(elements)}]", "items", "names", "lists.range(3)"))
        if wanted.kind is Kind.MAP:
            value = self._leaf(wanted.parameters[1])
            return choice(("ports", "metadata", f"{{'a': {value}, 'name': {value}}}", "{}"))
        if wanted.kind is Kind.PARAMETER:
            return self._leaf(choice(_SCALARS))
        if wanted.kind is Kind.OPAQUE and (parsers := _PARSERS.get(wanted.name)):
            return f"{choice(parsers)}({choice(_TEXTS)})"
        return choice(_LITERALS.get(wanted.kind) or ("maybe", "optional.none()", "parameters"))

    def _macro(self, wanted: Type, depth: int) -> str:
        form = self._random.choice(_MACROS if wanted.kind is Kind.BOOL else _BUILDERS)
        variable = "v" if "k, v" in form else "x"
        loop = {"bool": f"{variable} == {self._leaf(types.DYN)}", "any": f"[{variable}, 1]"}
        made = {
            name: self.of(type_, depth)
            for name, type_ in (
                ("list", types.list_of(types.DYN)),
                ("map", types.map_of(types.STRING, types.DYN)),
                ("bool", types.BOOL),
                ("int", types.INT),
                ("dyn", types.DYN),
                ("any", self._random.choice(_SCALARS)),
            )
        }
        if self._random.random() < 0.5:
            made |= loop
        return form.format(name=self._random.choice(_NAMES), **made)

    def _call(self, name: str, overload: Overload, wanted: Type, depth: int) -> str:
        chosen: dict[str, Type] = {}
        if overload.result.kind is Kind.PARAMETER:
            chosen[overload.result.name] = wanted
        arguments = [
            self.of(self._concrete(argument, chosen), depth) for argument in overload.arguments
        ]
        if overload.variadic:
            arguments += arguments[-1:] * self._random.choice((0, 1, 3))
        if name == _TERNARY:
            return f"({arguments[0]} ? {arguments[1]} : {arguments[2]})"
        if name in _PATTERNS:
            made: str = _PATTERNS[name].format(*arguments)
            return f"({made})"
        if name.startswith("_") and name.endswith("_") and len(arguments) == 2:
            return f"({arguments[0]} {name.strip('_')} {arguments[1]})"
        if overload.member:
            return f"{arguments[0]}.{name}({', '.join(arguments[1:])})"
        return f"{name}({', '.join(arguments)})"

    def _concrete(self, type_: Type, chosen: dict[str, Type]) -> Type:
        """The type with the same choice wherever a type parameter occurs."""
        if type_.kind is Kind.PARAMETER:
            return chosen.setdefault(type_.name, self._random.choice(_SCALARS))
        if not type_.open:
            return type_
        inner = tuple(self._concrete(parameter, chosen) for parameter in type_.parameters)
        return Type(type_.kind, type_.name, inner)


def damaged(random: Random, text: str) -> str:
    """A text with a few changes, seldom a valid expression any more."""
    for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
        text = random.choice(_DAMAGES)(random, text)
    return text[:20_000]


def _span(random: Random, text: str) -> tuple[int, int]:
    start = random.randint(0, len(text))
    return start, min(len(text), start + random.choice((1, 1, 2, 5, 20)))


def _delete(random: Random, text: str) -> str:
    start, end = _span(random, text)
    return text[:start] + text[end:]


def _insert(random: Random, text: str) -> str:
    start, _ = _span(random, text)
    return text[:start] + random.choice(_TOKENS) + text[start:]


def _replace(random: Random, text: str) -> str:
    start, end = _span(random, text)
    return text[:start] + random.choice(_TOKENS) + text[end:]


def _repeat(random: Random, text: str) -> str:
    start, end = _span(random, text)
    return (
        text[:end] + text[start:end] * random.choice((1, 1, 1, 2, 2, 2, 2, 9, 9, 300)) + text[end:]
    )


def _nest(random: Random, text: str) -> str:
    opening, closing = random.choice((("(", ")"), ("[", "]"), ("{'a': ", "}"), ("-(", ")")))
    times = random.choice((1, 1, 1, 2, 2, 3, 9, 260))
    return opening * times + text + closing * random.choice((times, times - 1))


def _join(random: Random, text: str) -> str:
    operator = random.choice((" + ", " && ", " == ", " ? 1 : ", ".", "[", " in ", ", "))
    return operator.join([text] * random.choice((2, 2, 2, 3, 3, 3, 30)))


def _cut(random: Random, text: str) -> str:
    return text[: random.randint(0, len(text))]


_DAMAGES: tuple[Callable[[Random, str], str], ...] = (
    _delete,
    _delete,
    _insert,
    _insert,
    _replace,
    _replace,
    _repeat,
    _nest,
    _join,
    _cut,
)


def _key(type_: Type) -> str:
    return type_.name if type_.kind is Kind.OPAQUE else type_.kind.value


def _overloads() -> list[tuple[str, Overload]]:
    return [
        (function.name, overload)
        for library in libraries.ALL
        for function in library.functions
        for overload in function.overloads
        if "@" not in function.name or function.name == "@in"
    ]


_ANYTHING = _overloads()
_BY_RESULT: dict[str, list[tuple[str, Overload]]] = {}
for _name, _overload in _ANYTHING:
    _BY_RESULT.setdefault(_key(_overload.result), []).append((_name, _overload))

# Functions that read a value of an opaque type, and what they may be given to read.
_PARSERS: dict[str, list[str]] = {}
for _name, _overload in _ANYTHING:
    if _overload.arguments == (types.STRING,) and _overload.result.kind is Kind.OPAQUE:
        _PARSERS.setdefault(_overload.result.name, []).append(_name)
_TEXTS = ("'10Mi'", "'1.2.3'", "'10.0.0.0/8'", "'::1'", "'https://a.b:80/c?d=e'", "'uuid'", "''")
